namespace VmPod.PodKeeper;

/// <summary>What a deep verification found.</summary>
/// <param name="Generations">Generations opened.</param>
/// <param name="Chunks">Chunks decoded.</param>
/// <param name="DamagedCount">Chunks, or whole generations, that do not open.</param>
/// <param name="Damaged">The first <see cref="PodLimits.DamagedChunksListed"/> of them.</param>
public sealed record DeepReport(long Generations, long Chunks, long DamagedCount, IReadOnlyList<DamagedChunk> Damaged);
