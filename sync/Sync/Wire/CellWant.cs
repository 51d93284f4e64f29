namespace VmPod.Sync.Wire;

/// <summary>What a GET_CELLS asks for each id.</summary>
[Flags]
#pragma warning disable CA1008 // nothing wanted is no request
public enum CellWant : byte
{
    /// <summary>The cell's key: the host has the cell.</summary>
    Key = 1,

    /// <summary>The cell: the host has the key.</summary>
    Cell = 2,

    /// <summary>Both.</summary>
    Both = Key | Cell,
}
