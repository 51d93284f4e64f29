using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>
/// The two lists of ids that a pod collects for the next COMMIT, within <see cref="WireLimits.CollectedIdBytesMax"/> and what the links together may hold.
/// </summary>
internal sealed class CommitIds(IdBudget budget)
{
    private readonly List<IReadOnlyList<CellId>> added = [], dropped = [];
    private int addedCount, droppedCount;
    private long shared;

    /// <summary>True once a list was too long: the commit is refused, and what came beyond the bound was not kept.</summary>
    internal bool IsTooMuch { get; private set; }

    /// <summary>Takes a part. False if it does not ascend beyond the part before it.</summary>
    internal bool TryAdd(IdsMessage part)
    {
        List<IReadOnlyList<CellId>> list = part.Dropped ? dropped : added;
        if (IsTooMuch)
            return true;
        if (list.Count > 0 && list[^1][^1] >= part.Ids[0])
            return false;
        long bytes = (addedCount + droppedCount + part.Ids.Count) * (long)CellId.Size;
        if (bytes > WireLimits.CollectedIdBytesMax || !TryHold(bytes))
        {
            Clear();
            IsTooMuch = true;
            return true;
        }
        list.Add(part.Ids);
        if (part.Dropped)
            droppedCount += part.Ids.Count;
        else
            addedCount += part.Ids.Count;
        return true;
    }

    /// <summary>Whether the lists are as long as the record says.</summary>
    internal bool Match(CommitRecord record) => addedCount == record.AddedCount && droppedCount == record.DroppedCount;

    /// <summary>Gives the lists out. They count until <see cref="Clear"/>.</summary>
    internal (CellId[] Added, CellId[] Dropped) Take() => (Join(added, addedCount), Join(dropped, droppedCount));

    /// <summary>Begins anew.</summary>
    internal void Clear()
    {
        budget.Give(Interlocked.Exchange(ref shared, 0));
        added.Clear();
        dropped.Clear();
        addedCount = droppedCount = 0;
        IsTooMuch = false;
    }

    // What is beyond the link's own share comes out of what all share.
    private bool TryHold(long bytes)
    {
        long more = Math.Max(0, bytes - WireLimits.OwnIdBytes) - shared;
        if (more > 0 && !budget.TryTake(more))
            return false;
        shared += Math.Max(0, more);
        return true;
    }

    internal static VmPodException TooMuch() => new(ExitCode.NoSpace,
        $"The commit names more than {WireLimits.CollectedIdBytesMax / CellId.Size} cells, or other hosts commit as much just now.",
        "Commit in smaller steps, or again.");

    private static CellId[] Join(List<IReadOnlyList<CellId>> parts, int count)
    {
        var all = new CellId[count];
        int at = 0;
        for (int i = 0; i < parts.Count; i++)
        {
            for (int j = 0; j < parts[i].Count; j++)
                all[at++] = parts[i][j];
            parts[i] = [];          // one part less to hold while the whole grows
        }
        return all;
    }
}
