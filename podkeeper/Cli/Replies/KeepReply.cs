namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>keep.</summary>
/// <param name="Session">The session that the fork was of.</param>
/// <param name="Fork">The fork, which is none any more.</param>
/// <param name="Name">The new session.</param>
/// <param name="Handle">Its handle.</param>
/// <param name="Generation">Its first generation.</param>
/// <param name="Kind">"checkpoint" or "disk-only".</param>
/// <param name="CellsAdded">Cells written for it.</param>
/// <param name="BytesAdded">Their bytes.</param>
internal sealed record KeepReply(string Session, string Fork, string Name, string Handle, ulong Generation, string Kind, long CellsAdded, long BytesAdded);
