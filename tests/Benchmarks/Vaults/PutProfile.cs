using System.Globalization;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;

namespace VmPod.Benchmarks.Vaults;

/// <summary>What the CPU time of a real put is made of: its primitives, each scaled from the sample of <see cref="StageProfile"/> to what the put worked on,
/// and what they do not explain. From it the least time that these primitives permit.</summary>
/// <param name="Stages">The primitives.</param>
/// <param name="Put">The put: median.</param>
/// <param name="KernelS">CPU seconds of it in the kernel.</param>
/// <param name="PlainBytes">Bytes of chunks that are not zero.</param>
/// <param name="Cells">Cells that it added.</param>
/// <param name="Parallel">Reading and zstd of the same chunks on all CPUs.</param>
internal sealed record PutProfile(StageProfile Stages, Timing Put, double KernelS, double PlainBytes, long Cells, Timing Parallel)
{
    private static int Cpus => Environment.ProcessorCount;

    private double PrimitivesS => Stages.Stages.Where(s => s.IsOfPut).Sum(CpuOf);

    private double ReadAndZstdS => Stages.Stages.Where(s => s.Name is StageProfile.Zstd or StageProfile.ReadStage).Sum(CpuOf);

    // What a CPU second is worth when all CPUs are busy: they share memory, and often a core. Below 1 it is noise.
    private double Loss => Math.Max(1, Parallel.CpuS / ReadAndZstdS);

    private double WriteS => Stages.Stages.Where(s => s.Name is "write (page cache)" or "fsync").Sum(s => s.WallS * Scale(s));

    /// <summary>The shares.</summary>
    public BenchTable Shares()
    {
        var table = new BenchTable("Profile: CPU seconds of a put, by primitive (each measured alone on one thread, scaled to the put)", "primitive", "CPU s",
            "share of the put %");
        foreach (Stage stage in Stages.Stages.Where(s => s.IsOfPut))
            table.Add(stage.Name, CpuOf(stage), CpuOf(stage) / Put.CpuS * 100);
        double busy = PrimitivesS * (Loss - 1);
        table.Add("all primitives", PrimitivesS, PrimitivesS / Put.CpuS * 100);
        table.Add(string.Create(CultureInfo.InvariantCulture, $"what they cost more while all {Cpus} CPUs are busy (x {Loss:0.00}, from zstd alone)"), busy,
            busy / Put.CpuS * 100);
        table.Add("not explained", Put.CpuS - PrimitivesS - busy, (Put.CpuS - PrimitivesS - busy) / Put.CpuS * 100);
        table.Add("the put", Put.CpuS, 100.0);
        table.Add("of it in the kernel", KernelS, KernelS / Put.CpuS * 100);
        return table;
    }

    /// <summary>The limit that follows.</summary>
    public BenchTable Limit()
    {
        var table = new BenchTable($"Limit: the put if its primitives ran perfectly parallel on {Cpus} CPUs and nothing else took time", "what", "seconds",
            "MiB/s", "put / this", "share of zstd alone %");
        void Add(string what, double seconds, double? share) => table.Add(what, seconds, PlainBytes / (1 << 20) / seconds, Put.WallS / seconds, share);
        double best = ReadAndZstdS / PrimitivesS * 100;
        Add("read and zstd alone, perfectly parallel", ReadAndZstdS / Cpus, 100);
        Add("all primitives, perfectly parallel: the limit", PrimitivesS / Cpus, best);
        Add("read and zstd alone, as fast as they are while all CPUs are busy", ReadAndZstdS * Loss / Cpus, 100);
        Add("all primitives, as fast as those are then", PrimitivesS * Loss / Cpus, best);
        Add("writing its cells and fsync alone", WriteS, null);
        Add("read and zstd alone, measured", Parallel.WallS, 100);
        Add("the put, measured", Put.WallS, Parallel.WallS / Put.WallS * 100);
        return table;
    }

    /// <summary>The shares as a plot.</summary>
    public BarPlot Plot()
    {
        var plot = new BarPlot("What the CPU time of a put is made of", "percent of the put's CPU seconds", "share");
        foreach (Stage stage in Stages.Stages.Where(s => s.IsOfPut))
            plot.Add(stage.Name, [CpuOf(stage) / Put.CpuS * 100]);
        double busy = PrimitivesS * (Loss - 1);
        plot.Add("loss while all CPUs are busy", [Math.Max(0, busy / Put.CpuS * 100)]);
        return plot.Add("not explained", [Math.Max(0, (Put.CpuS - PrimitivesS - busy) / Put.CpuS * 100)]);
    }

    private double CpuOf(Stage stage) => stage.CpuS * Scale(stage);

    private double Scale(Stage stage) => stage.Per == StageUnit.Plaintext ? PlainBytes / Stages.PlainBytes : Cells / (double)Stages.Cells;
}
