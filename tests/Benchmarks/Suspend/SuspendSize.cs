namespace VmPod.Benchmarks.Suspend;

/// <summary>How large the sessions of <see cref="SuspendBenchmark"/> are.</summary>
/// <param name="DirtyMiB">What is made dirty before a suspend, by rising size.</param>
/// <param name="RamBytes">The guest's RAM: at least twice the largest of these.</param>
/// <param name="DiskUsedBytes">Data on each disk.</param>
/// <param name="Rounds">Suspends of each size.</param>
internal sealed record SuspendSize(int[] DirtyMiB, long RamBytes, long DiskUsedBytes, int Rounds)
{
    /// <summary>D8's.</summary>
    public static SuspendSize Full { get; } = new([4, 20, 100, 400], 1L << 30, 320L << 20, 10);

    /// <summary>To try it.</summary>
    public static SuspendSize Quick { get; } = new([1, 4, 8, 16], 64L << 20, 16L << 20, 4);

    /// <summary>Room for all dirty chunks: each run of pages is in up to a chunk more than it fills.</summary>
    public long OverlayBytes => RamBytes;
}
