using System.Globalization;
using VmPod.Benchmarks.Report;
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
            "MiB read until just after", "target", "met");
        var phases = new BenchTable("Where the time goes: medians in ms, in the order of things", "until", "large disk, long past", "without");
        bool emulated = false;
        (string Name, DeepPodSize Size)[] cases = [("large disk, long past", options.Quick ? DeepPodSize.Quick : DeepPodSize.Full),
            ("without", DeepPodSize.Shallow)];
        var columns = new List<Dictionary<string, double>>();
        List<string> order = [];
        foreach ((string name, DeepPodSize size) in cases)
        {
            options.Log.WriteLine($"{name}: making the pod");
            using DeepPod pod = await DeepPod.CreateAsync(size, options.Log);
            List<double> times = [], reads = [];
            var parts = new Dictionary<string, List<double>>();
            long stored = pod.StoredBytes;
            for (int i = 0; i < (options.Quick ? 3 : Resumes); i++)
            {
                (double ms, IReadOnlyList<(string Phase, double Ms)> where, long read, bool tcg) = await ResumeOnceAsync(pod.Host);
                emulated = tcg;
                times.Add(ms);
                reads.Add(read / (double)(1 << 20));
                foreach ((string phase, double phaseMs) in where)
                    (parts.TryGetValue(phase, out List<double>? list) ? list : parts[phase] = []).Add(phaseMs);
                if (order.Count == 0)
                    order = [.. where.Select(w => w.Phase)];
                options.Log.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"resume {i + 1}: {ms:0} ms ({string.Join(", ", where.Select(w => $"{w.Phase} {w.Ms:0}"))})"));
            }
            double median = Statistics.Percentile(times, 50);
            summary.Add(name, size.DiskBytes >> 30, pod.MappedChunks, size.Commits, stored >> 20, times.Count, median, Statistics.Percentile(times, 95), times.Max(),
                Statistics.Percentile(reads, 50), $"<= {TargetMs}", median <= TargetMs ? "yes" : "no");
            columns.Add(parts.ToDictionary(p => p.Key, p => Statistics.Percentile(p.Value, 50)));
        }
        foreach (string phase in order)
            phases.Add(phase, columns[0][phase], columns[1].TryGetValue(phase, out double without) ? without : null);
        var report = new BenchReport(Name);
        report.Tables.Add(summary);
        report.Tables.Add(phases);
        report.Versions["CPU"] = emulated ? "emulated (TCG)" : "KVM";
        report.Versions["kernel"] = Environment.OSVersion.Version.ToString();
        report.Notes.Add("The guest has 512 MiB, 2 CPUs and a witness that advances; each resume is followed by a suspend, so that the next one has its own checkpoint.");
        report.Notes.Add("The pod stands on this machine's disk, its files in the page cache. The chunks hold 512 random bytes each.");
        return report;
    }

    private static async Task<(double Ms, IReadOnlyList<(string, double)> Phases, long BytesRead, bool Emulated)> ResumeOnceAsync(TestHost host)
    {
        DateTimeOffset started = DateTimeOffset.UtcNow;
        await using TestSession session = await host.StartAsync("resume", DeepPod.Session, []);
        IReadOnlyList<(string, double)> phases = ResumePhases.Of(File.ReadLines(Path.Join(session.RunFolder, "log")), started,
            started + session.CommandTook, started + session.FirstAnswerAfter);
        long read = (await session.StatusAsync()).GetProperty("bytes_read").GetInt64();
        IReadOnlyList<int> processes = session.Processes;
        _ = await session.EndAsync();
        await TestSession.WaitUntilGoneAsync(processes, TimeSpan.FromSeconds(30));
        return (session.FirstAnswerAfter.TotalMilliseconds, phases, read, session.IsEmulated);
    }
}
