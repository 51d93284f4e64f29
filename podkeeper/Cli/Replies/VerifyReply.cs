namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>verify.</summary>
/// <param name="Sound">All is well.</param>
/// <param name="Cells">Cells read and hashed.</param>
/// <param name="DamagedCount">Cells that are not what their id says.</param>
/// <param name="Damaged">The first of them.</param>
/// <param name="MissingCount">Cells that commits name and that are not there whole.</param>
/// <param name="Missing">The first of them.</param>
/// <param name="Log">What is wrong with the vault's log or head, or null.</param>
/// <param name="Audit">The audit log.</param>
/// <param name="Deep">What --deep found, or null.</param>
/// <param name="Witness">"same", "newer", "older" or "forked" to the file of --witness; null without one, and the first time.</param>
internal sealed record VerifyReply(
    bool Sound, long Cells, long DamagedCount, IReadOnlyList<DamagedCellReply> Damaged, long MissingCount, IReadOnlyList<string> Missing,
    string? Log, AuditStateReply Audit,
    DeepReply? Deep, string? Witness);
