using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>What the builder of a head needs to know: the head before (null for a new vault's first), the number of this one, and where the
/// entries of this commit will stand.</summary>
public sealed record CommitContext(HeadRecord? Previous, ulong Seq, IReadOnlyList<EntryPlace> Entries);
