using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper;

/// <summary>Collects what a deep verification finds: within bounds, however much is damaged.</summary>
internal sealed class DeepFindings
{
    private readonly List<DamagedChunk> damaged = [];
    private readonly Dictionary<CellId, Dictionary<(SessionHandle, ulong, string?, string?), long>> cells = [];

    /// <summary>All that was found.</summary>
    internal long Count { get; private set; }

    /// <summary>The first of it.</summary>
    internal IReadOnlyList<DamagedChunk> Damaged => damaged;

    /// <summary>Each cell that is to blame.</summary>
    internal IReadOnlyList<DeepReport.LostCell> Cells => [.. cells.OrderBy(c => c.Key).Select(c => new DeepReport.LostCell(c.Key,
        [.. c.Value.Select(v => new DeepReport.Cost(v.Key.Item1, v.Key.Item2, v.Key.Item3, v.Key.Item4, v.Value))]))];

    internal void Add(SessionHandle session, ulong generation, string? fork, ChunkDamage damage)
    {
        Count++;
        if (damaged.Count < PodLimits.DamagedChunksListed)
            damaged.Add(new DamagedChunk(session, generation, damage.File, damage.First, damage.What, fork, damage.Last, damage.Cells));
        long chunks = damage.First is { } first ? damage.Last!.Value - first + 1 : 0;
        foreach (CellId id in damage.Cells)
        {
            if (!cells.TryGetValue(id, out Dictionary<(SessionHandle, ulong, string?, string?), long>? costs))
            {
                if (cells.Count >= PodLimits.DamagedChunksListed)
                    continue;
                cells[id] = costs = [];
            }
            (SessionHandle, ulong, string?, string?) where = (session, generation, fork, damage.File);
            if (costs.Count < PodLimits.DamagedChunksListed || costs.ContainsKey(where))
                costs[where] = costs.GetValueOrDefault(where) + chunks;
        }
    }
}
