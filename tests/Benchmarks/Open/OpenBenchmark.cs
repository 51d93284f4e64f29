using System.Globalization;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.Testing;
using VmPod.Vault;

namespace VmPod.Benchmarks.Open;

/// <summary>D8, "open": a generation of a disk of 1 TiB with 10 GiB used, and the same content on a disk of 10 GiB: what an opening costs must depend on
/// what is used.</summary>
internal sealed class OpenBenchmark : IBenchmark
{
    private const double TimeMostMs = 1000, MemoryMostMiB = 100;
    private const int ChunksFull = 163_840, ChunksQuick = 8_192;

    /// <inheritdoc/>
    public string Name => "open";

    /// <inheritdoc/>
    public string Purpose => "time and memory to open a disk of 1 TiB with 10 GiB used, and of 10 GiB";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var work = new TempFolder();
        int chunks = options.Quick ? ChunksQuick : ChunksFull, runs = options.Quick ? 3 : Math.Max(7, options.Rounds);
        (string Name, SparsePod Pod)[] pods =
        [
            ("1 TiB", new SparsePod(work["sparse"], 1L << 40, chunks)),
            ("10 GiB", new SparsePod(work["dense"], 10L << 30, chunks)),
        ];
        foreach ((string name, SparsePod pod) in pods)
        {
            Timing took = Timing.Of(pod.Create);
            options.Log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"disk of {name} with {chunks} chunks made in {took.WallS:0.0} s"));
        }

        var all = new Dictionary<(string Disk, bool UnderLease), List<OpenTimes>>();
        // Turn by turn, so that what else runs slows all alike. The first of each warms the page cache and does not count.
        for (int run = -1; run < runs; run++)
        {
            foreach ((string name, SparsePod pod) in pods)
            {
                foreach (bool underLease in (bool[])[false, true])
                {
                    OpenTimes times = OpenProbe.Run(pod, underLease);
                    if (run < 0)
                        all[(name, underLease)] = [];
                    else
                        all[(name, underLease)].Add(times);
                }
            }
        }
        return Report(all, pods, runs);
    }

    private BenchReport Report(Dictionary<(string Disk, bool UnderLease), List<OpenTimes>> all, (string Name, SparsePod Pod)[] pods, int runs)
    {
        var report = new BenchReport(Name);
        var table = new BenchTable($"Opening the newest generation and reading {OpenProbe.Reads} random chunks, each in a fresh process", "disk", "opened",
            "chunks used", "pod MiB", "vault ms", "generation ms", "reads ms", "sum ms", "most ms", "peak MiB", "of it before MiB");
        var times = new BarPlot($"Opening, and reading {OpenProbe.Reads} random chunks", "ms (medians)", "for reading", "for writing (lease)");
        var memory = new BarPlot("Peak memory of the process", "MiB (VmHWM)", "for reading", "for writing (lease)");
        foreach ((string name, SparsePod pod) in pods)
        {
            foreach (bool underLease in (bool[])[false, true])
            {
                List<OpenTimes> list = all[(name, underLease)];
                table.Add(name, underLease ? "lease" : "reading", pod.Chunks, DataFile.StoredBytes(pod.Folder) >> 20, Median(list, t => t.VaultMs),
                    Median(list, t => t.GenerationMs), Median(list, t => t.ReadsMs), Median(list, t => t.OpenMs), list.Max(t => t.OpenMs),
                    list.Max(t => t.PeakMiB), Median(list, t => t.BeforeMiB));
            }
            times.Add($"disk of {name}", [Median(all[(name, false)], t => t.OpenMs), Median(all[(name, true)], t => t.OpenMs)], TimeMostMs);
            memory.Add($"disk of {name}", [all[(name, false)].Max(t => t.PeakMiB), all[(name, true)].Max(t => t.PeakMiB)], MemoryMostMiB);
        }
        List<OpenTimes> large = all[(pods[0].Name, false)], small = all[(pods[1].Name, false)];
        string what = $"disk of {pods[0].Name}, 10 GiB used: opening and {OpenProbe.Reads} reads";
        report.Targets.Add(new Target(what, Median(large, t => t.OpenMs), TimeMostMs, "ms"));
        report.Targets.Add(new Target(what + ", peak memory", large.Max(t => t.PeakMiB), MemoryMostMiB, "MiB"));
        report.Tables.Add(table);
        var ratio = new BenchTable($"{pods[0].Name} / {pods[1].Name}, the same content", "what", "ratio");
        ratio.Add("time (medians)", Median(large, t => t.OpenMs) / Median(small, t => t.OpenMs));
        ratio.Add("peak memory", large.Max(t => t.PeakMiB) / small.Max(t => t.PeakMiB));
        report.Tables.Add(ratio);
        report.Plots.Add(times);
        report.Plots.Add(memory);
        report.Versions["vmpod"] = typeof(PodVault).Assembly.GetName().Version!.ToString(3);
        report.Notes.Add($"Medians of {runs} processes each, in turns; times without the runtime's start and the passphrase (Argon2id), with the JIT's; "
            + "the pod's files in the page cache. Chunks hold 512 random bytes each: their number is that of 10 GiB, their bytes are not.");
        report.Notes.Add("Peak memory is of the whole process, the runtime's and 8 MiB of Argon2id inside.");
        return report;
    }

    private static double Median(IEnumerable<OpenTimes> all, Func<OpenTimes, double> of) => Statistics.Percentile(all.Select(of), 50);
}
