using VmPod.Vault.Format.Store;

namespace VmPod.Sync;

/// <summary>Every bound of this project, with its reason.</summary>
public static class SyncLimits
{
    /// <summary>Cells of one plan: 4 GiB of 64 KiB cells, more than a minute of any link, and 3 MiB of memory to plan.</summary>
    public const int PlanCellsMax = 65_536;

    /// <summary>Ids that one side may list: no store holds more cells (StoreLimits). A list without end is refused here.</summary>
    public const long ListedIdsMax = (long)StoreLimits.SegmentsMax * StoreLimits.SegmentCells;
}
