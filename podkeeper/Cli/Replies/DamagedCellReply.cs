namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>A damaged cell: its id as far as it is known, where it stands, and whether a commit needs it that no sound copy is there of.</summary>
internal sealed record DamagedCellReply(string? Id, int Segment, int Slot, bool Needed);
