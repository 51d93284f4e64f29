using System.Diagnostics;
using System.Globalization;

namespace VmPod.Benchmarks.Report;

/// <summary>How long something took: by the clock, and in seconds of CPU by this process and by children that ended in the meantime. On a machine that
/// others use too, the second says more.</summary>
internal readonly record struct Timing(double WallS, double CpuS)
{
    // Linux gives times of children in these, whatever the kernel's own tick (USER_HZ).
    private const double TicksPerSecond = 100;

    /// <summary>Runs and measures.</summary>
    public static Timing Of(Action action)
    {
        double cpu = CpuSeconds();
        var watch = Stopwatch.StartNew();
        action();
        return new Timing(watch.Elapsed.TotalSeconds, CpuSeconds() - cpu);
    }

    public static Timing operator +(Timing a, Timing b) => new(a.WallS + b.WallS, a.CpuS + b.CpuS);

    /// <summary>The medians.</summary>
    public static Timing Median(IEnumerable<Timing> timings)
    {
        List<Timing> all = [.. timings];
        return new Timing(Statistics.Percentile(all.Select(t => t.WallS), 50), Statistics.Percentile(all.Select(t => t.CpuS), 50));
    }

    private static double CpuSeconds()
    {
        // proc(5): after the name in brackets come state and then the fields from the fourth; 16 and 17 are the children's.
        string stat = File.ReadAllText("/proc/self/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        long children = long.Parse(fields[13], CultureInfo.InvariantCulture) + long.Parse(fields[14], CultureInfo.InvariantCulture);
        return Environment.CpuUsage.TotalTime.TotalSeconds + children / TicksPerSecond;
    }
}
