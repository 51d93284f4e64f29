using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Tables;

namespace VmPod.Vault.Sessions;

/// <summary>A session as one commit left it. Immutable.</summary>
internal sealed class SessionState
{
    /// <summary>A session's state by its commit and opened manifest.</summary>
    public SessionState(CommitRecord record, Digest entryHash, long entryOffset, Manifest manifest, PayloadReader reader, SessionState? before = null)
    {
        Record = record;
        EntryHash = entryHash;
        EntryOffset = entryOffset;
        Manifest = manifest;
        Map = new TableView<PayloadRef, MapValue>(reader, manifest.Map, record.ManifestCells[0], before?.Map);
        Tags = new TableView<ChangeTag, TagValue>(reader, manifest.Tags, record.ManifestCells[0], before?.Tags);
    }

    /// <summary>The visible record.</summary>
    public CommitRecord Record { get; }

    /// <summary>Hash of the commit's entry in the log.</summary>
    public Digest EntryHash { get; }

    /// <summary>Where that entry stands.</summary>
    public long EntryOffset { get; }

    /// <summary>The sealed part.</summary>
    public Manifest Manifest { get; }

    /// <summary>Chunk to payload.</summary>
    public TableView<PayloadRef, MapValue> Map { get; }

    /// <summary>Chunk to change tag.</summary>
    public TableView<ChangeTag, TagValue> Tags { get; }

    /// <summary>Every payload place that the commit needs: chunks, leaves, indexes.</summary>
    public IEnumerable<PayloadRef> AllPlaces()
    {
        foreach (KeyValuePair<ChunkKey, PayloadRef> entry in Map.Enumerate(default, new ChunkKey(uint.MaxValue, ulong.MaxValue)))
            yield return entry.Value;
        foreach (PayloadRef place in RunPlaces(Map).Concat(RunPlaces(Tags)))
            yield return place;
    }

    private static IEnumerable<PayloadRef> RunPlaces<TValue, TFormat>(TableView<TValue, TFormat> table)
        where TFormat : ITableValue<TValue>
    {
        for (int run = 0; run < table.Descriptors.Count; run++)
        {
            foreach (PayloadRef place in table.PlacesOf(run))
                yield return place;
        }
    }
}
