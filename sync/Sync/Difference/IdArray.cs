using VmPod.Vault.Format;

namespace VmPod.Sync.Difference;

/// <summary>Ids in memory: 32 bytes each.</summary>
public sealed class IdArray : IIdList
{
    private readonly CellId[] ids;

    /// <summary>Takes ids in any order.</summary>
    /// <param name="of">The ids. One that is there twice counts once.</param>
    public IdArray(IEnumerable<CellId> of)
    {
        CellId[] sorted = [.. of];
        Array.Sort(sorted);
        int kept = 0;
        foreach (CellId id in sorted)
        {
            if (kept == 0 || sorted[kept - 1] != id)
                sorted[kept++] = id;
        }
        Array.Resize(ref sorted, kept);
        ids = sorted;
    }

    /// <inheritdoc/>
    public long Count => ids.Length;

    /// <inheritdoc/>
    public IEnumerable<CellId> From(CellId first)
    {
        int at = Array.BinarySearch(ids, first);
        for (int i = at < 0 ? ~at : at; i < ids.Length; i++)
            yield return ids[i];
    }
}
