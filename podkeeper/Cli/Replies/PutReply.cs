namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>put.</summary>
internal sealed record PutReply(
    string Session, ulong Generation, long CellsAdded, long BytesAdded, long BytesRead, long ChunksStored, long ChunksShared, long ChunksUnchanged,
    long ChunksZero, long PagesReferenced, long PagesDifferent, int Files, double WallS,
    IReadOnlyList<string> LeftOut, IReadOnlyList<string> StoredWhole, bool LowSpace);
