namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>The state of the audit log.</summary>
/// <param name="Entries">Good entries.</param>
/// <param name="Signed">How many the pod has signed for.</param>
/// <param name="TornBytes">Bytes of an append that a crash cut short.</param>
/// <param name="Intact">No break.</param>
/// <param name="Break">The first break, or null.</param>
internal sealed record AuditStateReply(long Entries, long Signed, long TornBytes, bool Intact, string? Break);
