namespace VmPod.Vault.Format;

/// <summary>A payload by birth name and place: the value of the map. The chunk's stream and number are the map's key.</summary>
/// <param name="LeaseId">The lease under which it was born.</param>
/// <param name="Commit">The batch in which it was born.</param>
/// <param name="Cell">The cell of its first part.</param>
/// <param name="Slot">The line of that cell's directory.</param>
/// <param name="Rest">The cells of its further parts, each at slot 0, in order; null if it stands in one cell.</param>
/// <param name="Pages">Where its pages come from, if not all from its payload alone.</param>
public readonly record struct PayloadRef(ulong LeaseId, ulong Commit, CellId Cell, uint Slot, CellId[]? Rest = null, PageTable? Pages = null)
{
    /// <summary>True where the chunk is all zeros: the map has its place, but no payload.</summary>
    public bool IsZero => LeaseId == 0 && Commit == 0;

    /// <summary>True if it has a payload of its own: not for zeros, nor where every page is one of another payload.</summary>
    public bool HasPayload => !IsZero && Pages is not { HasOwn: false };

    /// <summary>A chunk that became zero: hides an older entry of the map.</summary>
    public static PayloadRef Zero => default;

    /// <summary>The cell in which its last part stands.</summary>
    public CellId LastCell => Rest is { Length: > 0 } ? Rest[^1] : Cell;

    /// <summary>True if the other is the same payload: equal birth.</summary>
    public bool IsSameBirth(in PayloadRef other) => LeaseId == other.LeaseId && Commit == other.Commit;

    /// <summary>True if the other names the same payload in the same cells, and the same pages of others.</summary>
    public bool IsSamePlace(in PayloadRef other) => IsSameBirth(other) && Cell == other.Cell && Slot == other.Slot
        && (Rest ?? []).AsSpan().SequenceEqual(other.Rest ?? []) && (Pages is null ? other.Pages is null : Pages.IsSame(other.Pages));

    /// <summary>Every cell that is needed to read the chunk; one may come more than once.</summary>
    public IEnumerable<CellId> Cells()
    {
        if (HasPayload)
        {
            yield return Cell;
            foreach (CellId id in Rest ?? [])
                yield return id;
        }
        foreach (PageTarget target in Pages?.Targets ?? [])
        {
            foreach (CellId id in target.Place.Cells())
                yield return id;
        }
    }
}
