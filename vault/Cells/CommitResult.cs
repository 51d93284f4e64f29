using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>A commit that is durable: where its entries stand, and the new head with its own place.</summary>
public sealed record CommitResult(IReadOnlyList<EntryPlace> Entries, HeadRecord Head, EntryPlace HeadPlace);
