namespace VmPod.Benchmarks.Suspend;

/// <summary>One suspend.</summary>
/// <param name="DirtyMiB">Made dirty before it.</param>
/// <param name="InCacheMiB">Of it still dirty in the page cache when the clock started.</param>
/// <param name="InOverlayMiB">Already written back by the kernel into the overlay then, in whole chunks.</param>
/// <param name="SyncS">fsync of the RAM file, by the clock.</param>
/// <param name="CommitS">The commit, by the clock.</param>
/// <param name="CpuS">CPU seconds of this process, which seals, meanwhile: others may be using the machine.</param>
/// <param name="CellBytes">Bytes of cells appended.</param>
internal sealed record SuspendTimes(double DirtyMiB, double InCacheMiB, double InOverlayMiB, double SyncS, double CommitS, double CpuS, long CellBytes)
{
    /// <summary>The whole.</summary>
    public double Seconds => SyncS + CommitS;
}
