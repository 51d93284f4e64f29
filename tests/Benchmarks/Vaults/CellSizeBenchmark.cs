using System.Diagnostics;
using System.Globalization;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Peers;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.Testing;
using VmPod.Vault;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;

namespace VmPod.Benchmarks.Vaults;

/// <summary>The table that settles the size of a cell (DESIGN.md, rule 4).</summary>
internal sealed class CellSizeBenchmark : IBenchmark
{
    private const double Mi = 1 << 20;
    private const int Reads = 2000, PageBytes = FormatLimits.PageBytes;

    private static readonly int[] Sizes = [32 * 1024, 64 * 1024, 68 * 1024, 128 * 1024];

    /// <inheritdoc/>
    public string Name => "cell-size";

    /// <inheritdoc/>
    public string Purpose => "bytes, saves and lazy reads by size of cell";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var work = new TempFolder();
        SessionSet sessions = SessionSet.Open(options, work.FullPath);
        long[] pages = PickPages(sessions.NewestMemory);
        var table = new BenchTable("Size of a cell", "KiB", "stored MiB", "fill %", "last gen adds MiB", "save all s", "CPU s", "read median us",
            "p99 us", "cells a read", "p99 cells",
            "wire KiB a read", "at 54 Mbit/s ms", "at 11 Mbit/s ms");
        int saves = sessions.Folders.Count;
        var timings = Sizes.ToDictionary(s => s, _ => new List<Timing>());
        var rows = new Dictionary<int, Row>();
        WarmUp(sessions, work["warm-up"]);
        for (int round = 0; round < options.Rounds; round++)
        {
            foreach (int size in Sizes)
            {
                string folder = work[string.Create(CultureInfo.InvariantCulture, $"vault{size}")];
                using var tool = new VaultTool(size);
                tool.Create(folder);
                options.Log.WriteLine($"cells of {size / 1024} KiB");
                Timing all = default;
                long used = 0, cells = 0;
                for (int g = 0; g < saves; g++)
                {
                    DataFile.Warm(sessions.Folders[g]);
                    Command.Sync(work.FullPath);
                    all += tool.Save(sessions.Folders[g], g);
                    cells += tool.LastPut!.CellsAdded;
                    used += (long)(tool.LastFill * tool.LastPut.CellsAdded * CellLayout.Capacity(size));
                }
                timings[size].Add(all);
                rows[size] = new Row(tool.StoredBytes, used / ((double)cells * CellLayout.Capacity(size)), tool.LastPut!.BytesAdded, Read(tool, pages));
                Directory.Delete(folder, recursive: true);
            }
        }
        var stored = new BarPlot("Stored after all generations", "MiB", "stored");
        var cpu = new BarPlot("Saving all generations", "CPU s", "save");
        var latency = new BarPlot("A random 4 KiB read, nothing opened before", "us", "median", "p99");
        var moved = new BarPlot("Moved over a wire by such a read", "KiB", "mean");
        foreach ((int size, Row row) in rows)
        {
            Timing save = Timing.Median(timings[size]);
            double wire = row.Reads.Cells.Average() * size;
            table.Add(size / 1024, row.Stored / Mi, row.Fill * 100, row.Last / Mi, save.WallS, save.CpuS, Statistics.Percentile(row.Reads.Microseconds, 50),
                Statistics.Percentile(row.Reads.Microseconds, 99), row.Reads.Cells.Average(), Statistics.Percentile(row.Reads.Cells, 99), wire / 1024,
                    wire * 8 / 54e3, wire * 8 / 11e3);
            string name = $"cells of {size / 1024} KiB";
            stored.Add(name, [row.Stored / Mi]);
            cpu.Add(name, [save.CpuS]);
            latency.Add(name, [Statistics.Percentile(row.Reads.Microseconds, 50), Statistics.Percentile(row.Reads.Microseconds, 99)]);
            moved.Add(name, [wire / 1024]);
        }
        var report = new BenchReport(Name);
        report.Tables.Add(table);
        report.Plots.AddRange([stored, cpu, latency, moved]);
        report.Versions["vmpod"] = typeof(PodVault).Assembly.GetName().Version!.ToString(3);
        report.Notes.Add($"Sessions: {sessions.Source}. 'save all' is {saves} generations in order, fsync included.");
        report.Notes.Add($"A read is one of {Reads} random 4 KiB reads of non-zero pages of the newest memory, each with no cell opened and "
            + $"no chunk decoded before, the map known, "
            + "the vault's file in the page cache. The wire columns are what such a read would move from another machine, without its round trip.");
        return report;
    }

    // Or the first size would pay for the JIT.
    private static void WarmUp(SessionSet sessions, string folder)
    {
        using var tool = new VaultTool();
        tool.Create(folder);
        tool.Save(sessions.Folders[0], 0);
        Directory.Delete(folder, recursive: true);
    }

    private static ReadTimes Read(VaultTool tool, long[] pages)
    {
        tool.Warm();
        (PodVault vault, SessionLease lease) = tool.OpenLease();
        using (vault)
        using (lease)
        using (var image = new SessionImage(lease, new SessionImageOptions { OverlayBytes = 1 << 20, CacheBytes = 1 << 20 }))
        {
            uint memory = lease.Reader!.Stream("mem.raw").Number;
            var microseconds = new List<double>();
            var cells = new List<double>();
            byte[] page = new byte[PageBytes];
            // The first round loads the map's leaves and lets the JIT do its work.
            for (int round = 0; round < 2; round++)
            {
                microseconds.Clear();
                cells.Clear();
                foreach (long number in pages)
                {
                    image.Wipe();
                    long start = Stopwatch.GetTimestamp();
                    image.Read(memory, number * PageBytes, page);
                    microseconds.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
                    lease.TryFind(new ChunkKey(memory, (ulong)(number * PageBytes / FormatLimits.ChunkBytes)), out PayloadRef place);
                    cells.Add(1 + (place.Rest?.Length ?? 0));
                }
            }
            lease.Close();
            return new ReadTimes(microseconds, cells);
        }
    }

    private static long[] PickPages(string path)
    {
        var all = new List<long>();
        DataFile.Read(path, (offset, data) =>
        {
            for (int at = 0; at < data.Length; at += PageBytes)
            {
                if (data.Slice(at, Math.Min(PageBytes, data.Length - at)).ContainsAnyExcept((byte)0))
                    all.Add((offset + at) / PageBytes);
            }
        });
        var random = new SplitMix(7);
        return [.. Enumerable.Range(0, Reads).Select(_ => all[random.Below(all.Count)])];
    }

    private sealed record ReadTimes(List<double> Microseconds, List<double> Cells);

    private sealed record Row(long Stored, double Fill, long Last, ReadTimes Reads);
}
