namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>audit show.</summary>
internal sealed record AuditShowReply(AuditStateReply State, IReadOnlyList<AuditEntryReply> Entries);
