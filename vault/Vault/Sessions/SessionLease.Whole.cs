using VmPod.Vault.Format;
using VmPod.Vault.Tables;

namespace VmPod.Vault.Sessions;

/// <summary>Commits whose tables are written whole.</summary>
public sealed partial class SessionLease
{
    private static readonly ChunkKey End = new(uint.MaxValue, ulong.MaxValue);

    /// <summary>Commits write both tables whole, so that nothing of older ones is needed.</summary>
    internal bool WritesTablesWhole { get; set; }

    // All that the new tables name, counted anew.
    private LiveCells CountWhole(RunWriter.Result map, RunWriter.Result tags, CellId[] manifestCells)
    {
        var counts = new LiveCells();
        var places = new TableView<PayloadRef, MapValue>(Payloads, map.Runs, manifestCells[0]);
        var tagPlaces = new TableView<ChangeTag, TagValue>(Payloads, tags.Runs, manifestCells[0]);
        foreach ((ChunkKey _, PayloadRef place) in places.Enumerate(default, End))
            counts.Add(place);
        foreach (PayloadRef place in (map.HasNew ? places.PlacesOf(0) : []).Concat(tags.HasNew ? tagPlaces.PlacesOf(0) : []))
            counts.Add(place);
        foreach (CellId id in manifestCells)
            counts.Change(id, 1);
        return counts;
    }

    private static List<KeyValuePair<ChunkKey, TValue>> Whole<TValue, TFormat>(TableView<TValue, TFormat>? before,
        List<KeyValuePair<ChunkKey, TValue>> changes)
        where TFormat : ITableValue<TValue> =>
        before is null ? changes : [.. TableView<TValue, TFormat>.Merge([changes, before.Enumerate(default, End)])];
}
