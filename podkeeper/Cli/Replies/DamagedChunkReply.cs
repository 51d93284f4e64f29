namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>Chunks, or with no file a whole generation (or the fork that is named), that do not open, and the cells that are to blame.</summary>
internal sealed record DamagedChunkReply(string Session, ulong Generation, string? File, long? Chunk, string What, string? Fork, long? Last,
    IReadOnlyList<string> Cells);
