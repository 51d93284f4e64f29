using VmPod.Vault.Cells;

namespace VmPod.Vault.House;

/// <summary>What a garbage collection freed, or would free.</summary>
/// <param name="Freed">The store's own account.</param>
/// <param name="CellsNeeded">Cells that are needed.</param>
/// <param name="LeasesHeld">Leases whose cells were left alone, since they may still name them.</param>
public sealed record GarbageReport(FreeReport Freed, long CellsNeeded, int LeasesHeld);
