namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>mirror.</summary>
/// <param name="Vault">The vault.</param>
/// <param name="Destination">Where the mirror is.</param>
/// <param name="DryRun">Nothing was changed.</param>
/// <param name="Verdict">What the pod is to what the mirror had: new, same, newer; older and forked are alarms.</param>
/// <param name="Head">The number of the pod's head; but for alarms and dry runs the mirror has it now.</param>
/// <param name="HeadBefore">The one that the mirror had; 0 for none.</param>
/// <param name="Cells">Cells that were sent, or would be.</param>
/// <param name="Bytes">Bytes of cells and log.</param>
/// <param name="AuditBytes">Bytes of the audit log.</param>
/// <param name="Absent">Cells that the pod needs and that neither has whole.</param>
/// <param name="Freed">Cells that the mirror freed.</param>
/// <param name="WitnessedAt">When the mirror took the head; null if it did not.</param>
/// <param name="Pairing">The id of the pairing that was made with the pod that keeps it; null for none.</param>
internal sealed record MirrorReply(
    string Vault, string Destination, bool DryRun, string Verdict, ulong Head, ulong HeadBefore, long Cells, long Bytes, long AuditBytes, long Absent,
    long Freed, DateTimeOffset? WitnessedAt, string? Pairing);
