namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>put.</summary>
internal sealed record PutReply(
    string Session, ulong Generation, long CellsAdded, long BytesAdded, long BytesRead, long ChunksStored, long ChunksUnchanged,
    long ChunksZero, int Files, double WallS,
    IReadOnlyList<string> LeftOut);
