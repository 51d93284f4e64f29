using System.Globalization;

namespace VmPod.Benchmarks.Report;

/// <summary>The most resident memory of this process (VmHWM) since the last reset.</summary>
internal static class PeakMemory
{
    /// <summary>Begins anew (proc(5), clear_refs).</summary>
    public static void Reset() => File.WriteAllText("/proc/self/clear_refs", "5");

    /// <summary>In MiB.</summary>
    public static double ReadMiB()
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}
