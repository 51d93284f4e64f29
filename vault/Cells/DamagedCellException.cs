using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>A cell stands in the vault, but its bytes are gone or are not what its id says.</summary>
public sealed class DamagedCellException : VmPodException
{
    /// <summary>Names the cell and where it stands.</summary>
    public DamagedCellException(CellId id, int segment, int slot)
        : base(ExitCode.Damaged, $"Cell {id} is damaged (segment {segment}, slot {slot}).",
            "Run verify to see everything that is damaged, then fetch the cells from a mirror.") =>
                (Id, Segment, Slot) = (id, segment, slot);

    /// <summary>The cell that was asked for.</summary>
    public CellId Id { get; }

    /// <summary>Number of the segment file, from 0.</summary>
    public int Segment { get; }

    /// <summary>Place in the segment, 0 to 1,023.</summary>
    public int Slot { get; }
}
