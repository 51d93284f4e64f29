namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>repair.</summary>
/// <param name="Whole">Nothing is damaged any more.</param>
/// <param name="DryRun">Nothing was changed.</param>
/// <param name="Missing">Cells that commits name and that had no sound copy.</param>
/// <param name="Fetched">Those that the other copy had.</param>
/// <param name="LeftCount">Those that it had not.</param>
/// <param name="Left">The first of them.</param>
/// <param name="LogPieces">Pieces of the log that the other copy had.</param>
/// <param name="LogBytes">Their bytes.</param>
/// <param name="LogLeft">Pieces that neither has.</param>
/// <param name="SlotsAnew">No slot was sound: which head counts was told from the log and from what the copy has seen.</param>
/// <param name="Lost">What that costs, to the chunk: if a passphrase was offered and something is left; else null.</param>
internal sealed record RepairReply(
    bool Whole, bool DryRun, long Missing, long Fetched, long LeftCount, IReadOnlyList<string> Left, int LogPieces, long LogBytes, int LogLeft,
    DeepReply? Lost, bool SlotsAnew);
