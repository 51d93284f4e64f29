using VmPod.Vault.Format;

namespace VmPod.PodKeeper;

/// <summary>What a deep verification found.</summary>
/// <param name="Generations">Generations and forks opened.</param>
/// <param name="Chunks">Chunks of them that were read, or stand where one stood that was.</param>
/// <param name="DamagedCount">Runs of chunks, or whole generations, that do not open.</param>
/// <param name="Damaged">The first <see cref="PodLimits.DamagedChunksListed"/> of them.</param>
/// <param name="Cells">Each cell that is to blame, and what of which generation it costs; as many at most.</param>
public sealed record DeepReport(
    long Generations, long Chunks, long DamagedCount, IReadOnlyList<DamagedChunk> Damaged, IReadOnlyList<DeepReport.LostCell> Cells)
{
    /// <summary>A cell that does not open.</summary>
    /// <param name="Id">Its id.</param>
    /// <param name="Costs">What is lost by it.</param>
    public sealed record LostCell(CellId Id, IReadOnlyList<Cost> Costs);

    /// <summary>Chunks of one file in one generation.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Generation">The generation; a fork's own number, if it is one.</param>
    /// <param name="Fork">The fork's name; null for a generation.</param>
    /// <param name="File">The file; null for the generation itself, or its tables.</param>
    /// <param name="Chunks">How many chunks.</param>
    public sealed record Cost(SessionHandle Session, ulong Generation, string? Fork, string? File, long Chunks);

    /// <summary>How far it is.</summary>
    /// <param name="Generation">Number of the generation that is read, from 1 over all sessions.</param>
    /// <param name="Generations">All of them.</param>
    /// <param name="Chunks">Chunks that were passed.</param>
    public readonly record struct Progress(long Generation, long Generations, long Chunks);
}
