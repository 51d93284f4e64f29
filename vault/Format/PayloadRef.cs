namespace VmPod.Vault.Format;

/// <summary>A payload by birth name and place: the value of the map. The chunk's stream and number are the map's key.</summary>
/// <param name="LeaseId">The lease under which it was born.</param>
/// <param name="Commit">The batch in which it was born.</param>
/// <param name="Cell">The cell of its first part.</param>
/// <param name="Slot">The line of that cell's directory.</param>
/// <param name="Rest">The cells of its further parts, each at slot 0, in order; null if it stands in one cell.</param>
public readonly record struct PayloadRef(ulong LeaseId, ulong Commit, CellId Cell, uint Slot, CellId[]? Rest = null)
{
    /// <summary>True where the chunk is all zeros: the map has its place, but no payload.</summary>
    public bool IsZero => LeaseId == 0 && Commit == 0;

    /// <summary>A chunk that became zero: hides an older entry of the map.</summary>
    public static PayloadRef Zero => default;

    /// <summary>The cell in which its last part stands.</summary>
    public CellId LastCell => Rest is { Length: > 0 } ? Rest[^1] : Cell;

    /// <summary>True if the other is the same payload: equal birth.</summary>
    public bool IsSameBirth(in PayloadRef other) => LeaseId == other.LeaseId && Commit == other.Commit;
}
