namespace VmPod.Benchmarks.Report;

/// <summary>Order statistics.</summary>
internal static class Statistics
{
    /// <summary>The value that <paramref name="percent"/> of all do not exceed (nearest rank).</summary>
    public static double Percentile(IEnumerable<double> values, double percent)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Clamp((int)Math.Ceiling(sorted.Length * percent / 100) - 1, 0, sorted.Length - 1)];
    }
}
