using VmPod.Benchmarks.Report;

namespace VmPod.Benchmarks.Vaults;

/// <summary>What one round measured.</summary>
/// <param name="Timings">By step (each save, then the restore) and tool.</param>
/// <param name="Added">Bytes that each generation added, by generation and tool.</param>
/// <param name="PeakMiB">Memory of ours, by step.</param>
/// <param name="Fill">Share of our cells' plaintext that is not padding, by generation.</param>
/// <param name="Unlock">Time to open a repository, by tool.</param>
internal sealed record RoundResult(Timing[,] Timings, long[,] Added, double[] PeakMiB, double[] Fill, Timing[] Unlock)
{
    /// <summary>The most of a session that was in the page cache when a save began with cold caches.</summary>
    public double CachedMiB { get; set; }
}
