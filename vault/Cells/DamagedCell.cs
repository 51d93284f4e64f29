using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>A cell that does not hash to its id.</summary>
/// <param name="Id">Its id as far as the vault knows it, or null.</param>
/// <param name="Segment">Number of the segment file.</param>
/// <param name="Slot">Place in the segment.</param>
/// <param name="IsNeeded">Whether a needed id is lost with it: named by the caller, and without another sound copy.</param>
public readonly record struct DamagedCell(CellId? Id, int Segment, int Slot, bool IsNeeded);
