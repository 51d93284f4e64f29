namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>What verify --deep adds.</summary>
internal sealed record DeepReply(long Generations, long Chunks, long DamagedCount, IReadOnlyList<DamagedChunkReply> Damaged);
