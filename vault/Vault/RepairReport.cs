using VmPod.Vault.Format;

namespace VmPod.Vault;

/// <summary>What a repair did for the cells of a vault.</summary>
/// <param name="Cells">Cells that stand in the vault, all of them hashed.</param>
/// <param name="MissingCount">Cells that a commit names and that had no sound copy here.</param>
/// <param name="FetchedCount">Those that the other copy had, and that are appended now (in a dry run: that it has).</param>
/// <param name="Left">The others: lost, as far as these two copies go.</param>
public sealed record RepairReport(long Cells, long MissingCount, long FetchedCount, IReadOnlyList<CellId> Left);
