namespace VmPod.Vault.Cells;

/// <summary>What of a log was put right from another copy.</summary>
/// <param name="Pieces">The pieces that were damaged here and proved there: offset and bytes.</param>
/// <param name="LeftDamaged">Pieces that neither copy has whole.</param>
public sealed record LogRepairReport(IReadOnlyList<LogRepairReport.Piece> Pieces, IReadOnlyList<LogRepairReport.Piece> LeftDamaged)
{
    /// <summary>A piece of a log: whole entries.</summary>
    /// <param name="Offset">Its first byte.</param>
    /// <param name="Bytes">How many.</param>
    public readonly record struct Piece(long Offset, long Bytes);

    /// <summary>No slot was sound: which head counts was told from the log, and from the other copy's newest head (V-189).</summary>
    public bool SlotsAnew { get; init; }

    /// <summary>Nothing was damaged.</summary>
    public static LogRepairReport None { get; } = new([], []);
}
