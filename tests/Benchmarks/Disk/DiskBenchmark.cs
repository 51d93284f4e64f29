using System.Net.Sockets;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Mount;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.Benchmarks.Vaults;
using VmPod.HostGuard.Mount;
using VmPod.Testing;
using VmPod.Vault;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;

namespace VmPod.Benchmarks.Disk;

/// <summary>D5, "measure both in the jail, keep one": the session's disk as a raw file of the mount, and over NBD on an inherited descriptor. The same image
/// stands behind both; a file in RAM shows what the client itself costs.</summary>
internal sealed class DiskBenchmark : IBenchmark
{
    private const int ServingThreads = 4;

    // Within the cache of decoded chunks (96 MiB) and the overlay (128 MiB): what is measured is the way, not the vault.
    private const long DiskBytes = 48L << 20;

    private static readonly DiskLoad[] Loads =
    [
        new("4 KiB read, one at a time", 4096, 17 * 4096, 1, 20_000),
        new("4 KiB read, 16 at a time", 4096, 17 * 4096, 16, 20_000),
        new("64 KiB read, 16 at a time", 65536, 65536, 16, 10_000),
        new("1 MiB read, one after the other", 1 << 20, 1 << 20, 1, 1_000),
        new("4 KiB write, one at a time", 4096, 17 * 4096, 1, 20_000, IsWrite: true),
        new("1 MiB write, one after the other", 1 << 20, 1 << 20, 1, 1_000, IsWrite: true),
    ];

    /// <inheritdoc/>
    public string Name => "disk";

    /// <inheritdoc/>
    public string Purpose => "the disk as a raw file of the mount against NBD over an inherited descriptor, in the jail";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var work = new TempFolder();
        using var tool = new VaultTool();
        tool.Create(work["vault"]);
        WriteDisk(Path.Join(work.Sub("session"), "disk"));
        tool.Save(work["session"], 0);
        (PodVault vault, SessionLease lease) = tool.OpenLease();
        var results = new Dictionary<(string Way, string Load), Timing>();
        using (vault)
        using (lease)
        using (var image = new SessionImage(lease, new SessionImageOptions()))
        {
            var disk = new ImageStream("disk", MountedFileKind.Disk, image.Streams.Single(s => s.Name.EndsWith("disk", StringComparison.Ordinal)), image);
            Measure("raw file of the mount", load => OverMount(disk, load));
            Measure("NBD", load => OverNbd(disk, work["socket"], load));
        }
        Measure("raw file in RAM", load => OverPlainFile(load));

        void Measure(string way, Func<DiskLoad, Timing> run)
        {
            foreach (DiskLoad load in Loads)
            {
                DiskLoad scaled = options.Quick ? load with { Count = load.Count / 10 } : load;
                // The first round warms: chunks are decoded, code is compiled.
                run(scaled);
                results[(way, load.Name)] = Timing.Median(Enumerable.Range(0, Math.Max(3, options.Rounds)).Select(_ => run(scaled)));
                options.Log.WriteLine($"{way}: {load.Name}: {results[(way, load.Name)]}");
            }
        }

        return Report(results, options.Quick);
    }

    private static Timing OverMount(ImageStream disk, DiskLoad load)
    {
        // Reachable for the jail's uid, which a folder of /var/tmp with mode 0700 is not.
        string point = Directory.CreateTempSubdirectory("vmpod-bench-").FullName;
        File.SetUnixFileMode(point, (UnixFileMode)0b111_101_101);
        try
        {
            using FuseMount mount = FuseMount.Start(point, [disk],
                new FuseMountOptions { ServingThreads = ServingThreads, OwnerUid = JailedBench.Uid, OwnerGid = JailedBench.Uid, AllowedUid = JailedBench.Uid });
            return JailedBench.Run(JailedBench.RawFile, Path.Join(point, disk.Name), null, load);
        }
        finally
        {
            Directory.Delete(point);
        }
    }

    // A pair of sockets that nobody else can connect to any more is what an inherited descriptor needs.
    private static Timing OverNbd(ImageStream disk, string path, DiskLoad load)
    {
        var address = new UnixDomainSocketEndPoint(path);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var theirs = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(address);
        listener.Listen();
        theirs.Connect(address);
        using var server = new NbdServer(listener.Accept(), disk, ServingThreads);
        File.Delete(path);
        return JailedBench.Run(JailedBench.InheritedNbd, null, theirs.SafeHandle, load);
    }

    private static Timing OverPlainFile(DiskLoad load)
    {
        using var ram = new TempFolder(inRam: true);
        File.SetUnixFileMode(ram.FullPath, (UnixFileMode)0b111_101_101);
        string path = ram["disk"];
        WriteDisk(path);
        File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        return JailedBench.Run(JailedBench.RawFile, path, null, load);
    }

    private static void WriteDisk(string path)
    {
        var random = new SplitMix(5);
        byte[] chunk = new byte[FormatLimits.ChunkBytes];
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        for (long at = 0; at < DiskBytes; at += chunk.Length)
        {
            random.Fill(chunk.AsSpan(0, chunk.Length / 3));
            RandomAccess.Write(file, chunk, at);
        }
    }

    private BenchReport Report(Dictionary<(string Way, string Load), Timing> results, bool quick)
    {
        var table = new BenchTable(
            "The same disk by two ways, by QEMU's block layer in the jail; microseconds a request, CPU of both sides in the second of each pair",
            "load", "mount us", "mount CPU us", "NBD us", "NBD CPU us", "file in RAM us", "NBD / mount", "NBD / mount, CPU", "mount, % of file in RAM");
        var plot = new BarPlot("A request, by the clock", "us", "raw file of the mount", "NBD", "raw file in RAM");
        var relative = new BarPlot("The mount against a raw file in RAM", "percent of its speed", "raw file of the mount");
        foreach (DiskLoad load in Loads)
        {
            double requests = quick ? load.Count / 10 : load.Count;
            Timing mount = results[("raw file of the mount", load.Name)], nbd = results[("NBD", load.Name)], file = results[("raw file in RAM", load.Name)];
            table.Add(load.Name, mount.WallS / requests * 1e6, mount.CpuS / requests * 1e6, nbd.WallS / requests * 1e6, nbd.CpuS / requests * 1e6,
                file.WallS / requests * 1e6, nbd.WallS / mount.WallS, nbd.CpuS / mount.CpuS, file.WallS / mount.WallS * 100);
            plot.Add(load.Name, [mount.WallS / requests * 1e6, nbd.WallS / requests * 1e6, file.WallS / requests * 1e6]);
            relative.Add(load.Name, [file.WallS / mount.WallS * 100]);
        }
        var report = new BenchReport(Name);
        report.Tables.Add(table);
        report.Plots.AddRange([plot, relative]);
        report.Versions["kernel"] = Environment.OSVersion.Version.ToString();
        report.Notes.Add("All reads hit decoded chunks, all writes fit the overlay. Medians of three runs after one that warms.");
        report.Notes.Add("The serving side has 4 threads both ways.");
        return report;
    }
}
