namespace VmPod.Vault.House;

/// <summary>What storing a session's newest generation anew did, or would do.</summary>
/// <param name="Session">The session's name.</param>
/// <param name="Generation">The generation that takes the place of the one before it; of a dry run, that one.</param>
/// <param name="CellsAdded">Cells written; of a dry run an estimate.</param>
/// <param name="CellsToFree">Cells that nobody needs any more, which gc frees.</param>
/// <param name="CellsLater">Cells that only older generations need now: gc frees them once these are forgotten.</param>
/// <param name="Forgotten">Generations that were let go with it.</param>
public sealed record RewriteReport(string Session, ulong Generation, long CellsAdded, long CellsToFree, long CellsLater, int Forgotten)
{
    /// <summary>Cells won, now and later.</summary>
    public long CellsWon => CellsToFree + CellsLater - CellsAdded;
}
