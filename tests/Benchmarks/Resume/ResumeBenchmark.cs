using System.Diagnostics;
using System.Globalization;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.Testing;

namespace VmPod.Benchmarks.Resume;

/// <summary>D8, "resume to responsive": from exec of `hostguard resume` on an unlocked pod to the guest's first answer, with a large disk and a long past,
/// and the same without them.</summary>
internal sealed class ResumeBenchmark : IBenchmark
{
    private const int Resumes = 20;
    private const double TargetMs = 1000;

    /// <inheritdoc/>
    public string Name => "resume";

    /// <inheritdoc/>
    public string Purpose => "time from `hostguard resume` to the guest's first answer, behind 500,000 chunks and 10,000 commits";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options) => RunAsync(options).GetAwaiter().GetResult();

    private async Task<BenchReport> RunAsync(BenchOptions options)
    {
        var summary = new BenchTable("From exec of hostguard resume to the guest's first answer", "session", "GiB of disk", "chunks", "commits", "pod MiB",
            "resumes", "median ms", "p95 ms", "most ms",
            "hostguard's CPU ms", "MiB read", "target");
        var phases = new BenchTable("Where the time goes: medians in ms, in the order of things", "until", "large disk, long past", "without");
        (string Name, DeepPodSize Size)[] cases = [("large disk, long past", options.Quick ? DeepPodSize.Quick : DeepPodSize.Full),
            ("without", DeepPodSize.Shallow)];
        var pods = new List<(string Name, DeepPod Pod, long Stored)>();
        var all = new Dictionary<string, List<OneResume>>();
        var report = new BenchReport(Name);
        var total = new BarPlot("From exec of hostguard resume to the guest's first answer", "ms", "median", "p95");
        try
        {
            foreach ((string name, DeepPodSize size) in cases)
            {
                options.Log.WriteLine($"{name}: making the pod");
                DeepPod pod = await DeepPod.CreateAsync(size, options.Log);
                pods.Add((name, pod, pod.StoredBytes));
                all[name] = [];
            }
            // Turn by turn, so that what else runs on this machine slows both alike.
            for (int i = 0; i < (options.Quick ? 3 : Resumes); i++)
            {
                foreach ((string name, DeepPod pod, long _) in pods)
                {
                    OneResume one = await ResumeOnceAsync(pod.Host);
                    all[name].Add(one);
                    options.Log.WriteLine(string.Create(CultureInfo.InvariantCulture,
                        $"{name}, resume {i + 1}: {one.Ms:0} ms ({string.Join(", ", one.Phases.Select(w => $"{w.Phase} {w.Ms:0}"))})"));
                }
            }
            foreach ((string name, DeepPod pod, long stored) in pods)
            {
                double median = Median(all[name], one => one.Ms);
                Target? target = name == cases[0].Name ? new Target($"resume to responsive, {name}: median", median, TargetMs, "ms") : null;
                if (target is not null)
                    report.Targets.Add(target);
                total.Add(name, [median, Statistics.Percentile(all[name].Select(one => one.Ms), 95)], target?.Bound);
                summary.Add(name, pod.Size.DiskBytes >> 30, pod.MappedChunks, pod.Size.Commits, stored >> 20, all[name].Count, median,
                    Statistics.Percentile(all[name].Select(one => one.Ms), 95), all[name].Max(one => one.Ms), Median(all[name], one => one.HostGuardCpuMs),
                    Median(all[name], one => one.BytesRead / (double)(1 << 20)), target?.Verdict);
            }
        }
        finally
        {
            foreach ((string _, DeepPod pod, long _) in pods)
                pod.Dispose();
        }
        var phasePlot = new BarPlot("Where the time goes", "ms (medians)", cases[0].Name, cases[1].Name);
        bool emulated = all[cases[0].Name][0].IsEmulated;
        double PhaseMs(string name, int phase) => Median(all[name], one => one.Phases[phase].Ms);
        for (int phase = 0; phase < all[cases[0].Name][0].Phases.Count; phase++)
        {
            string name = all[cases[0].Name][0].Phases[phase].Phase;
            double deep = PhaseMs(cases[0].Name, phase), shallow = PhaseMs(cases[1].Name, phase);
            phases.Add(name, deep, shallow);
            phasePlot.Add(name, [deep, shallow]);
        }
        report.Tables.Add(summary);
        report.Tables.Add(phases);
        report.Plots.AddRange([total, phasePlot]);
        report.Versions["CPU"] = emulated ? "emulated (TCG)" : "KVM";
        report.Versions["kernel"] = Environment.OSVersion.Version.ToString();
        report.Notes.Add("The guest has 512 MiB and 2 CPUs; each resume is followed by a suspend, so that the next one has its own checkpoint.");
        report.Notes.Add("hostguard's CPU is its session process's until the first answer; MiB read, what the guest had asked for by then or just after.");
        report.Notes.Add("The pod stands on this machine's disk, its files in the page cache. The chunks hold 512 random bytes each.");
        return report;
    }

    private static double Median(IEnumerable<OneResume> all, Func<OneResume, double> of) => Statistics.Percentile(all.Select(of), 50);

    private static async Task<OneResume> ResumeOnceAsync(TestHost host)
    {
        DateTimeOffset started = DateTimeOffset.UtcNow;
        await using TestSession session = await host.StartAsync("resume", DeepPod.Session, []);
        double cpuMs = Process.GetProcessById(session.HostGuardPid).TotalProcessorTime.TotalMilliseconds;
        IReadOnlyList<(string, double)> phases = ResumePhases.Of(File.ReadLines(Path.Join(session.RunFolder, "log")), started,
            started + session.CommandTook, started + session.FirstAnswerAfter);
        long read = (await session.StatusAsync()).GetProperty("bytes_read").GetInt64();
        IReadOnlyList<int> processes = session.Processes;
        _ = await session.EndAsync();
        await TestSession.WaitUntilGoneAsync(processes, TimeSpan.FromSeconds(30));
        return new OneResume(session.FirstAnswerAfter.TotalMilliseconds, phases, cpuMs, read, session.IsEmulated);
    }

    private sealed record OneResume(double Ms, IReadOnlyList<(string Phase, double Ms)> Phases, double HostGuardCpuMs, long BytesRead, bool IsEmulated);
}
