using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>How far a fork and its session's newest commit are from what they have in common; known without a key.</summary>
/// <param name="Fork">The fork.</param>
/// <param name="Host">What the vault calls the host that left it, during that boot.</param>
/// <param name="LeasedMs">When its lease began, by the pod's clock; null where the lease's entry is damaged.</param>
/// <param name="Ancestor">The newest commit that both go on from; null for none, and where an entry between is damaged.</param>
/// <param name="Head">The session's newest commit, draft or not.</param>
/// <param name="OnFork">What the fork has since.</param>
/// <param name="OnHead">What the session has since.</param>
public sealed record ForkDistance(ForkInfo Fork, UInt128 Host, ulong? LeasedMs, CommitRecord? Ancestor, CommitRecord Head, LineCells OnFork, LineCells OnHead)
{
    internal (long Offset, Digest Hash)? AncestorPlace { get; init; }
}

/// <summary>What one line of commits has that the other has not.</summary>
/// <param name="Commits">Its commits since the ancestor, drafts included.</param>
/// <param name="CellsAdded">Cells that came since, and that its newest commit needs.</param>
/// <param name="CellsDropped">Cells of the ancestor that its newest commit does not need any more.</param>
public readonly record struct LineCells(int Commits, long CellsAdded, long CellsDropped);
