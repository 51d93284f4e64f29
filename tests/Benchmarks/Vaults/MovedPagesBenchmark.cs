using System.Buffers.Binary;
using System.Security.Cryptography;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Report;
using VmPod.Testing;
using VmPod.Vault.Format;

namespace VmPod.Benchmarks.Vaults;

/// <summary>
/// The most that a page index which is kept from stay to stay can find and one of a single stay cannot: pages of memory that are new at their place, stand on
/// the disk, stood there before, and were in memory elsewhere, so that the guest need not have read them again.
/// </summary>
internal sealed class MovedPagesBenchmark : IBenchmark
{
    private const int PageBytes = FormatLimits.PageBytes;

    /// <inheritdoc/>
    public string Name => "moved-pages";

    /// <inheritdoc/>
    public string Purpose => "pages that only a page index kept from stay to stay finds";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var folder = new TempFolder();
        SessionSet sessions = SessionSet.Open(options, folder.FullPath);
        var table = new BenchTable("Pages of memory that changed from one generation to the next", "generation", "changed", "of them on the disk",
            "of them in memory and on the disk before");
        (Dictionary<long, UInt128> Memory, HashSet<UInt128> InMemory, HashSet<UInt128> Disk)? before = null;
        for (int generation = 0; generation < sessions.Folders.Count; generation++)
        {
            Dictionary<long, UInt128> memory = Pages(Path.Join(sessions.Folders[generation], "mem.raw"));
            HashSet<UInt128> disk = [.. Pages(Path.Join(sessions.Folders[generation], "disk.raw")).Values];
            if (before is { } old)
            {
                List<UInt128> changed = [.. memory.Where(p => !old.Memory.TryGetValue(p.Key, out UInt128 was) || was != p.Value).Select(p => p.Value)];
                List<UInt128> onDisk = [.. changed.Where(disk.Contains)];
                table.Add($"gen{generation}", changed.Count, onDisk.Count, onDisk.Count(p => old.InMemory.Contains(p) && old.Disk.Contains(p)));
            }
            before = (memory, [.. memory.Values], disk);
        }
        var report = new BenchReport(Name);
        report.Tables.Add(table);
        report.Notes.Add($"Data: {sessions.Source}. A page of an index costs 5 bytes.");
        return report;
    }

    private static Dictionary<long, UInt128> Pages(string path)
    {
        var pages = new Dictionary<long, UInt128>();
        byte[] hash = new byte[SHA256.HashSizeInBytes];
        DataFile.Read(path, (offset, data) =>
        {
            for (int at = 0; at + PageBytes <= data.Length; at += PageBytes)
            {
                if (!data.Slice(at, PageBytes).ContainsAnyExcept((byte)0))
                    continue;
                SHA256.HashData(data.Slice(at, PageBytes), hash);
                pages[(offset + at) / PageBytes] = BinaryPrimitives.ReadUInt128BigEndian(hash);
            }
        });
        return pages;
    }
}
