namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>What storing a session's newest generation anew did.</summary>
/// <param name="Session">The session.</param>
/// <param name="Generation">The generation that took the place of the one before; of a dry run, that one.</param>
/// <param name="CellsAdded">Cells written; of a dry run an estimate.</param>
/// <param name="CellsToFree">Cells that nobody needs any more for it.</param>
/// <param name="CellsLater">Cells that only older generations need now: gc frees them once these are forgotten.</param>
/// <param name="CellsWon">What was won, now and later.</param>
/// <param name="Forgotten">Generations that were let go with it.</param>
internal sealed record RewriteReply(string Session, ulong Generation, long CellsAdded, long CellsToFree, long CellsLater, long CellsWon, int Forgotten);

/// <summary>clean.</summary>
/// <param name="DryRun">Nothing was done.</param>
/// <param name="Sessions">Sessions of which something was, or would be, stored anew.</param>
/// <param name="Freed">What was freed then; null for a dry run, and where nothing was stored anew.</param>
internal sealed record CleanReply(bool DryRun, IReadOnlyList<RewriteReply> Sessions, GcReply? Freed);
