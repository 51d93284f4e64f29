using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>What a keyless verification found.</summary>
public sealed record VerifyReport
{
    /// <summary>Most cells that a list of this report names; the counts are whole.</summary>
    public const int ListedMax = 10_000;

    /// <summary>Cells of the vault, all of them read.</summary>
    public required long Cells { get; init; }

    /// <summary>Places of cells that were freed: nothing is expected there.</summary>
    public long Freed { get; init; }

    /// <summary>Ids that had to be there.</summary>
    public required long Needed { get; init; }

    /// <summary>Cells that do not hash to their id, or cannot be read.</summary>
    public required long DamagedCount { get; init; }

    /// <summary>The first <see cref="ListedMax"/> of them.</summary>
    public required IReadOnlyList<DamagedCell> Damaged { get; init; }

    /// <summary>Needed ids of which no sound copy stands in the vault, damaged ones included.</summary>
    public required long MissingCount { get; init; }

    /// <summary>The first <see cref="ListedMax"/> of them.</summary>
    public required IReadOnlyList<CellId> Missing { get; init; }

    /// <summary>What is wrong with the log, or null: every entry was hashed, and the tree is the one that the head signs.</summary>
    public required string? LogDamage { get; init; }

    /// <summary>Whether the newest head was lost, so that an older state was judged.</summary>
    public required bool NewestHeadLost { get; init; }

    /// <summary>Whether nothing that is needed is lost. Damaged copies may be there, of cells that nobody needs or that stand elsewhere
    /// too.</summary>
    public bool IsComplete => MissingCount == 0 && LogDamage is null && !NewestHeadLost;

    /// <summary>Whether all is well.</summary>
    public bool IsSound => IsComplete && DamagedCount == 0;
}
