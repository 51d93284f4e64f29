using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>How many live payloads each cell holds: tells which cells a commit adds to the live set, and which it drops. Not thread-safe.</summary>
internal sealed class LiveCells
{
    private readonly Dictionary<CellId, int> counts = [];
    private readonly HashSet<CellId> touched = [];
    private readonly List<(CellId Id, int By)> changes = [];

    /// <summary>A chunk is needed: all cells of its payload are, and those of the payloads that its pages come from.</summary>
    public void Add(in PayloadRef place)
    {
        foreach (CellId id in place.Cells())
            Change(id, 1);
    }

    /// <summary>A chunk is needed no more.</summary>
    public void Remove(in PayloadRef place)
    {
        foreach (CellId id in place.Cells())
            Change(id, -1);
    }

    /// <summary>A cell of a manifest is needed, or no more.</summary>
    public void Change(CellId id, int by)
    {
        changes.Add((id, by));
        Apply(id, by);
    }

    private void Apply(CellId id, int by)
    {
        int count = counts.GetValueOrDefault(id) + by;
        if (count < 0)
            throw new InvalidOperationException("A cell was released more often than it was used.");
        if (count == 0)
            counts.Remove(id);
        else
            counts[id] = count;
        touched.Add(id);
    }

    /// <summary>Forgets which cells were touched: the state is that of the parent.</summary>
    public void Settle()
    {
        touched.Clear();
        changes.Clear();
    }

    /// <summary>Takes back every change since the last <see cref="Settle"/>: the commit did not happen.</summary>
    public void Revert()
    {
        for (int i = changes.Count - 1; i >= 0; i--)
            Apply(changes[i].Id, -changes[i].By);
        Settle();
    }

    /// <summary>True if a live payload needs the cell.</summary>
    public bool Has(CellId id) => counts.ContainsKey(id);

    /// <summary>The cells that are live now and were not in <paramref name="before"/>, and the other way round; both sorted.</summary>
    public (CellId[] Added, CellId[] Dropped) Difference(Func<CellId, bool> before)
    {
        CellId[] added = [.. touched.Where(id => counts.ContainsKey(id) && !before(id)).Order()];
        CellId[] dropped = [.. touched.Where(id => !counts.ContainsKey(id) && before(id)).Order()];
        return (added, dropped);
    }
}
