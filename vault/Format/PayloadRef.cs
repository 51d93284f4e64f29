namespace VmPod.Vault.Format;

/// <summary>A payload by birth name and place: the value of the map.</summary>
/// <param name="LeaseId">The lease under which it was born.</param>
/// <param name="Commit">The batch in which it was born.</param>
/// <param name="Cell">The cell of its first part.</param>
/// <param name="Slot">The line of that cell's directory.</param>
public readonly record struct PayloadRef(ulong LeaseId, ulong Commit, CellId Cell, uint Slot)
{
    /// <summary>True where the chunk is all zeros: the map has its place, but no payload.</summary>
    public bool IsZero => LeaseId == 0 && Commit == 0;

    /// <summary>A chunk that became zero: hides an older entry of the map.</summary>
    public static PayloadRef Zero => default;
}
