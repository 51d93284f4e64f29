namespace VmPod.Sync.Wire;

/// <summary>What became of one id of a GET_CELLS.</summary>
public enum CellStatus : byte
{
    /// <summary>Here is what was wanted.</summary>
    Ok = 0,

    /// <summary>The pod has no such cell.</summary>
    Absent = 1,

    /// <summary>The pod's copy is not what its id says.</summary>
    Damaged = 2,

    /// <summary>The lease may not read it.</summary>
    Refused = 3,
}
