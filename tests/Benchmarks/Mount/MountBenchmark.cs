using System.Diagnostics;
using System.Globalization;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.HostGuard.Mount;

namespace VmPod.Benchmarks.Mount;

/// <summary>
/// What the mount itself costs: files that hold nothing but one byte value, so that the vault behind is not measured. The readers are
/// other processes, as a hypervisor is. To be run as root.
/// </summary>
internal sealed class MountBenchmark : IBenchmark
{
    private const long FileBytes = 1L << 30;

    /// <summary>Sequential dd of a file to nothing: seconds by the reader's own clock.</summary>
    private const string SequentialRead = """
        import os, sys, time, mmap
        direct, path = sys.argv[1] == 'direct', sys.argv[2]
        fd = os.open(path, os.O_RDONLY | (os.O_DIRECT if direct else 0))
        buffer = mmap.mmap(-1, 1 << 20)
        start, total = time.monotonic(), 0
        while True:
            n = os.readv(fd, [buffer])
            if n == 0: break
            total += n
        print(total / (time.monotonic() - start) / 1e6)
        """;

    /// <summary>First touches of pages in random order through a mapping: mean microseconds, and the interpreter's own share, measured by
    /// a second round over the same pages.</summary>
    private const string RandomFaults = """
        import mmap, os, random, sys, time
        size, count = int(sys.argv[2]), 20000
        fd = os.open(sys.argv[1], os.O_RDWR)
        m = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        pages = random.Random(1).sample(range(size // 4096), count)
        def round():
            start = time.monotonic()
            for page in pages: m[page * 4096]
            return (time.monotonic() - start) / count * 1e6
        cold = round()
        warm = round()
        start = time.monotonic()
        for page in pages: m[page * 4096] = 1
        os.fsync(fd)
        dirty = (time.monotonic() - start) / count * 1e6
        print(cold - warm, dirty - warm)
        """;

    /// <inheritdoc/>
    public string Name => "mount";

    /// <inheritdoc/>
    public string Purpose => "what the FUSE mount itself costs";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        var table = new BenchTable("The mount, with files of one byte value behind it", "what", "value", "unit");
        BarPlot pages = new("A page", "us", "mean"), speeds = new("Sequential reads", "MB/s", "speed"), wiping = new("Wiping the page cache", "s/GiB", "time");
        void Add(string what, double value, string unit, BarPlot plot)
        {
            table.Add(what, value, unit);
            plot.Add(what, [value]);
        }
        string folder = Directory.CreateTempSubdirectory("vmpod-bench-").FullName;
        try
        {
            using FuseMount mount = FuseMount.Start(folder,
                [new ConstantFile("ram", MountedFileKind.Memory), new ConstantFile("disk", MountedFileKind.Disk)], new FuseMountOptions());
            string ram = Path.Combine(folder, "ram");
            string disk = Path.Combine(folder, "disk");

            string[] faults = Python(RandomFaults, ram, FileBytes.ToString(CultureInfo.InvariantCulture)).Split(' ');
            Add("random 4 KiB fault through mmap", Number(faults[0]), "us", pages);
            Add("page dirtied through mmap, with fsync", Number(faults[1]), "us", pages);
            Add("sequential read, disk, O_DIRECT 1 MiB", Number(Python(SequentialRead, "direct", disk)), "MB/s", speeds);
            Add("sequential read, memory, cache cold", Number(Python(SequentialRead, "cached", ram)), "MB/s", speeds);

            double gibibytes = mount.CacheState("ram").CachedPages * 4096.0 / (1L << 30);
            var clock = Stopwatch.StartNew();
            CacheWipe wipe = mount.ZeroCachedPages("ram");
            Add(string.Create(CultureInfo.InvariantCulture, $"zeroing {gibibytes:f2} GiB of cache, {wipe.PagesCachedAfter} left"),
                clock.Elapsed.TotalSeconds / gibibytes, "s/GiB", wiping);
        }
        finally
        {
            Directory.Delete(folder);
        }
        var report = new BenchReport(Name);
        report.Tables.Add(table);
        report.Plots.AddRange([pages, speeds, wiping]);
        report.Versions["kernel"] = Environment.OSVersion.Version.ToString();
        return report;
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static string Python(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo("python3", ["-c", script, .. arguments]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output.Trim() : throw new InvalidOperationException("The reader failed.");
    }

    private sealed class ConstantFile(string name, MountedFileKind kind) : MountedFile(name, FileBytes, kind, writable: true)
    {
        public override void Read(long offset, Span<byte> into) => into.Fill(0x5A);

        public override void Write(long offset, ReadOnlySpan<byte> data)
        {
        }
    }
}
