using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>The two lists of ids that a pod collects for the next COMMIT, within <see cref="WireLimits.CollectedIdBytesMax"/>.</summary>
internal sealed class CommitIds
{
    private readonly List<IReadOnlyList<CellId>> added = [], dropped = [];
    private int addedCount, droppedCount;

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
        if ((addedCount + droppedCount + part.Ids.Count) * (long)CellId.Size > WireLimits.CollectedIdBytesMax)
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

    /// <summary>Gives the lists out, and begins anew.</summary>
    internal (CellId[] Added, CellId[] Dropped) Take()
    {
        var all = (Join(added, addedCount), Join(dropped, droppedCount));
        Clear();
        return all;
    }

    internal void Clear()
    {
        added.Clear();
        dropped.Clear();
        addedCount = droppedCount = 0;
        IsTooMuch = false;
    }

    internal static VmPodException TooMuch() => new(ExitCode.NoSpace,
        $"The commit names more than {WireLimits.CollectedIdBytesMax / CellId.Size} cells.", "Commit in smaller steps.");

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
