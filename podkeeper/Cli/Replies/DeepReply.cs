namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>What verify --deep adds.</summary>
/// <param name="Generations">Generations and forks opened.</param>
/// <param name="Chunks">Chunks read.</param>
/// <param name="DamagedCount">What does not open.</param>
/// <param name="Damaged">The first of it.</param>
/// <param name="Cells">The cells that are to blame, and what each costs.</param>
internal sealed record DeepReply(
    long Generations, long Chunks, long DamagedCount, IReadOnlyList<DamagedChunkReply> Damaged, IReadOnlyList<DeepReply.Cell> Cells)
{
    /// <summary>A cell that does not open.</summary>
    internal sealed record Cell(string Id, IReadOnlyList<Cost> Costs);

    /// <summary>Chunks of one file in one generation; no file: the generation itself, or its tables.</summary>
    internal sealed record Cost(string Session, ulong Generation, string? Fork, string? File, long Chunks);

    /// <summary>The report as a reply.</summary>
    internal static DeepReply Of(DeepReport r) => new(r.Generations, r.Chunks, r.DamagedCount,
        [.. r.Damaged.Select(d => new DamagedChunkReply(d.Session.ToString(), d.Generation, d.File, d.Chunk, d.What, d.Fork, d.Last,
            [.. d.Cells.Select(id => id.ToString())]))],
        [.. r.Cells.Select(c => new Cell(c.Id.ToString(),
            [.. c.Costs.Select(cost => new Cost(cost.Session.ToString(), cost.Generation, cost.Fork, cost.File, cost.Chunks))]))]);

    /// <summary>The report for a person.</summary>
    internal IEnumerable<string> Lines()
    {
        yield return $"chunks         {Chunks} of {Generations} generations read, {DamagedCount} damaged";
        foreach (DamagedChunkReply chunk in Damaged)
        {
            string where = chunk.Chunk is { } first ? $"{chunk.File} {Output.Chunks(first, chunk.Last ?? first)}" : "as a whole";
            yield return $"  damaged      {chunk.Session}@{chunk.Fork ?? $"{chunk.Generation}"} {where}: {chunk.What}";
        }
        foreach (Cell cell in Cells)
        {
            yield return $"  cell         {cell.Id} costs";
            foreach (Cost cost in cell.Costs)
            {
                string what = cost.File is null ? "the generation's tables" : $"{cost.Chunks} chunks of {cost.File}";
                yield return $"                 {cost.Session}@{cost.Fork ?? $"{cost.Generation}"}: {what}";
            }
        }
    }
}
