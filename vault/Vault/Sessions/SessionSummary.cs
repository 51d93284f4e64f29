using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>A session at a glance.</summary>
/// <param name="Handle">Its random handle.</param>
/// <param name="Name">Its name; null while the vault is locked, and where the entry that holds it is damaged.</param>
/// <param name="LeaseIsOpen">True while a host may write to it, or did not say that it ended.</param>
/// <param name="Commits">Commits so far.</param>
/// <param name="Tip">Its newest commit that can be read.</param>
/// <param name="IsTipDamaged">True if a newer commit's entry is damaged: then <paramref name="Tip"/> is the newest generation that is sound.</param>
public sealed record SessionSummary(SessionHandle Handle, string? Name, bool LeaseIsOpen, ulong Commits, CommitRecord Tip, bool IsTipDamaged = false);

/// <summary>A fork at a glance: what a host handed in when its lease was not open any more (V-90).</summary>
/// <param name="LeaseId">The lease that left it; its name is <see cref="ForkName.Of"/> this.</param>
/// <param name="Record">Its signed record.</param>
/// <param name="Parent">The commit that it goes on from; null for none, and where its entry is damaged.</param>
/// <param name="Offset">Where its entry stands in the log.</param>
/// <param name="Hash">The entry's hash.</param>
/// <param name="Trust">How far it may be relied on.</param>
public sealed record ForkInfo(ulong LeaseId, CommitRecord Record, CommitRecord? Parent, long Offset, Digest Hash, CommitTrust Trust);

/// <summary>A generation at a glance.</summary>
/// <param name="Record">Its signed record.</param>
/// <param name="Offset">Where its entry stands in the log.</param>
/// <param name="Hash">The entry's hash.</param>
/// <param name="Trust">How far it may be relied on.</param>
public sealed record GenerationInfo(CommitRecord Record, long Offset, Digest Hash, CommitTrust Trust);

/// <summary>A commit that nobody with keys has looked into yet (V-96).</summary>
/// <param name="Record">Its signed record.</param>
/// <param name="Name">What a person calls it: "@3", "@fork-0123456789abcdef", or "the tip".</param>
/// <param name="Offset">Where its entry stands in the log.</param>
/// <param name="Hash">The entry's hash.</param>
/// <param name="Trust">Pending or accepted.</param>
public sealed record PendingInfo(CommitRecord Record, string Name, long Offset, Digest Hash, CommitTrust Trust);
