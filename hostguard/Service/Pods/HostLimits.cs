namespace VmPod.HostGuard.Pods;

/// <summary>Bounds of a host that holds a lease over a link.</summary>
internal static class HostLimits
{
    /// <summary>Bytes of sealed cells that wait for the pod: the memory of a large guest and 1 GiB (rule 8).</summary>
    public const long ResidueBytesMax = 9L << 30;

    /// <summary>Bytes of sealed cells that are kept because they were fetched or made here: what a day's work touches, and little beside a disk. Beyond it
    /// cells are fetched again, and a residue may lack one. Their index and keys are some 100 bytes of memory each.</summary>
    public const long FetchedBytesMax = 4L << 30;

    /// <summary>Kept cells that this host's disk has not taken yet: 4 MiB of the usual ones, some 30 ms of a gigabit, little beside the overlay.</summary>
    public const int UnwrittenCellsMax = 64;

    /// <summary>How long what is written to disks may take to be sealed when the pod is gone: the keys go after it, and D8 gives 2 s for both.</summary>
    public static readonly TimeSpan SealTime = TimeSpan.FromSeconds(1);
}
