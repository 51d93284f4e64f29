namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>A damaged cell: its id as far as it is known, and where it stands.</summary>
internal sealed record DamagedCellReply(string? Id, int Segment, int Slot);
