namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>A chunk, or with no file a whole generation (or the fork that is named), that does not open.</summary>
internal sealed record DamagedChunkReply(string Session, ulong Generation, string? File, long? Chunk, string What, string? Fork);
