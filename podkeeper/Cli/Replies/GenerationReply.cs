namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>A generation.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Kind">"checkpoint" or "disk-only".</param>
/// <param name="Time">When it was made.</param>
/// <param name="Label">Why; null while locked.</param>
/// <param name="Bytes">Bytes of the cells that it needs.</param>
/// <param name="BytesAdded">Bytes of the cells that came with it.</param>
/// <param name="Parent">The generation that it goes on from, past drafts and what was forgotten; null for the first, and where that is a fork.</param>
/// <param name="Fork">The fork that it goes on from; null for none.</param>
/// <param name="State">"sound", "pending", "accepted" or "refused".</param>
/// <param name="Lease">The id of the lease under which it was written.</param>
internal sealed record GenerationReply(
    ulong Number, string Kind, DateTimeOffset Time, string? Label, long Bytes, long BytesAdded, ulong? Parent, string? Fork, string State,
    string Lease = "");
