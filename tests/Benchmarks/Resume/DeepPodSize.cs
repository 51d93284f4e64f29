namespace VmPod.Benchmarks.Resume;

/// <summary>How large a <see cref="DeepPod"/> is.</summary>
/// <param name="DiskBytes">Length of the disk.</param>
/// <param name="MappedChunks">Chunks behind the guest's own disk.</param>
/// <param name="Commits">Commits of one page each, behind the checkpoint.</param>
internal sealed record DeepPodSize(long DiskBytes, int MappedChunks, int Commits)
{
    /// <summary>D8's.</summary>
    public static DeepPodSize Full { get; } = new(64L << 30, 500_000, 10_000);

    /// <summary>No past at all: what remains is the hypervisor's and the processes' own time.</summary>
    public static DeepPodSize Shallow { get; } = new(64L << 30, 1, 0);

    /// <summary>To try the benchmark.</summary>
    public static DeepPodSize Quick { get; } = new(8L << 30, 5_000, 100);
}
