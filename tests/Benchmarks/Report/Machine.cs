using System.Globalization;

namespace VmPod.Benchmarks.Report;

/// <summary>What a benchmark ran on. Times of two machines are not compared; this says that they are two.</summary>
internal static class Machine
{
    /// <summary>CPUs, kernel and runtime.</summary>
    public static string Text { get; } = string.Create(CultureInfo.InvariantCulture,
        $"{Environment.ProcessorCount} x {CpuModel()}, Linux {Environment.OSVersion.Version}, .NET {Environment.Version}");

    /// <summary>Threads that wanted to run in the last minute, besides this program or not.</summary>
    public static string LoadAverage() => File.ReadAllText("/proc/loadavg").Split(' ')[0];

    private static string CpuModel() => File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))
        ?.Split(':', 2)[1].Trim() ?? "CPU";
}
