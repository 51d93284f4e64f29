using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Tables;

/// <summary>
/// Adds a commit's changes to a table as a new run, merged with those newer runs that are not at least twice its size, as long as that costs no more than a
/// small commit may, or eight times the changes: so runs are few, and an entry is rewritten a few times. No full table is ever written for a small change.
/// </summary>
internal static class RunWriter
{
    // A run of this size costs nothing: it stands in the padding that the commit's last cell would have anyway.
    private const int InlineBytesMax = 8 * 1024;

    // A leaf is fetched whole for one lookup; 16 KiB are some 950 chunks (60 MiB) of map.
    private const int LeafBytesMax = 16 * 1024;

    // One changed byte may cost three cells (DESIGN D8): one full of a chunk that does not compress, and two for its rest, a merge of both tables, and the
    // manifest.
    private const ulong MergeBytesMax = 32 * 1024;

    // What a merge may cost in proportion to the changes that cause it.
    private const ulong MergeFactor = 8;

    // At so many runs small merges are not enough: one commit merges the newer half of them whatever it costs, so that there are never more. Once in some ten
    // thousand small commits; once in twenty, if each is as large as the one before.
    internal const int RunsBeforeLargeMerge = 40;

    // More leaves than these would make every manifest heavy: their list becomes payloads of its own.
    private const int LeavesInManifestMax = 48;

    /// <summary>What became of the runs.</summary>
    /// <param name="Runs">The table's runs after the commit, newest first; those not merged are unchanged.</param>
    /// <param name="Merged">How many of the newest old runs went into the new one.</param>
    /// <param name="HasNew">True if the first of <paramref name="Runs"/> is new.</param>
    public readonly record struct Result(IReadOnlyList<RunDescriptor> Runs, int Merged, bool HasNew);

    /// <summary>
    /// Writes the run. <paramref name="takeChanges"/> gives the changes sorted by key; it is asked again after cells were sealed, since places in the open
    /// cell get their id only then. <paramref name="isZero"/> tells entries that only hide older ones.
    /// </summary>
    public static Result Write<TValue, TFormat>(
        TableView<TValue, TFormat>? table, Func<List<KeyValuePair<ChunkKey, TValue>>> takeChanges, Func<TValue, bool> isZero, IMetadataSink sink)
        where TFormat : ITableValue<TValue>
    {
        IReadOnlyList<RunDescriptor> old = table?.Descriptors ?? [];
        List<KeyValuePair<ChunkKey, TValue>> changes = takeChanges();
        // An inline run may say "this cell" and mean the cell of the manifest it stands in: it is never copied into the next one as it is.
        if (changes.Count == 0 && !old.Any(r => r.Inline.Length > 0))
            return new Result(old, 0, false);
        ulong size = BytesOf<TValue, TFormat>(changes);
        bool isLarge = old.Count >= RunsBeforeLargeMerge;
        ulong sizeMax = isLarge ? ulong.MaxValue : Math.Max(MergeBytesMax, MergeFactor * size);
        int merged = 0;
        bool IsCheap(ulong bytes) => (isLarge && merged < old.Count / 2) || (bytes < 2 * size && bytes <= sizeMax - Math.Min(size, sizeMax));
        while (merged < old.Count && (old[merged].Inline.Length > 0 || IsCheap(old[merged].Bytes)))
            size += old[merged++].Bytes;
        List<KeyValuePair<ChunkKey, TValue>> Entries()
        {
            List<KeyValuePair<ChunkKey, TValue>> entries = merged == 0
                ? takeChanges()
                : [.. TableView<TValue, TFormat>.Merge([takeChanges(), table!.EnumerateNewest(merged)])];
            if (merged == old.Count)
                entries.RemoveAll(e => isZero(e.Value));
            return entries;
        }

        RunDescriptor? run = WriteRun<TValue, TFormat>(Entries, sink);
        List<RunDescriptor> runs = [.. old.Skip(merged)];
        if (run is not null)
            runs.Insert(0, run);
        return runs.Count <= FormatLimits.RunsMax ? new Result(runs, merged, run is not null) : throw new VmPodException(ExitCode.Bug,
            "A table has too many runs.");
    }

    // As leaves: an entry with a table of pages is ten times as long as one without.
    private static ulong BytesOf<TValue, TFormat>(List<KeyValuePair<ChunkKey, TValue>> changes)
        where TFormat : ITableValue<TValue>
    {
        ulong bytes = 0;
        for (int i = 0; i < changes.Count;)
        {
            var leaf = new ByteWriter();
            i = TableLeaf<TValue, TFormat>.Write(leaf, changes, i, LeafBytesMax);
            bytes += (ulong)leaf.Length;
        }
        return bytes;
    }

    private static RunDescriptor? WriteRun<TValue, TFormat>(Func<List<KeyValuePair<ChunkKey, TValue>>> takeEntries, IMetadataSink sink)
        where TFormat : ITableValue<TValue>
    {
        List<KeyValuePair<ChunkKey, TValue>> entries = takeEntries();
        if (entries.Count == 0)
            return null;
        var small = new ByteWriter();
        if (TableLeaf<TValue, TFormat>.Write(small, entries, 0, InlineBytesMax) == entries.Count)
            return new RunDescriptor((ulong)entries.Count, (ulong)small.Length, small.Written.ToArray(), [], []);

        var firsts = new List<ChunkKey>();
        ulong bytes = 0;
        int start = sink.BeginPayloads();
        long sealedCells = sink.SealedCells;
        bool isSettled = false;
        for (int i = 0; i < entries.Count;)
        {
            // In a leaf a zero id means the cell in which it begins: the open one. Once that is sealed, all that was put before has its id.
            sink.MakeRoom();
            if (!isSettled && sink.SealedCells != sealedCells)
            {
                entries = takeEntries();
                isSettled = true;
            }
            var leaf = new ByteWriter();
            firsts.Add(entries[i].Key);
            i = TableLeaf<TValue, TFormat>.Write(leaf, entries, i, LeafBytesMax);
            bytes += (ulong)leaf.Length;
            sink.AddPayload(TFormat.LeafStream, leaf.Written);
        }
        if (firsts.Count > LeavesInManifestMax)
            sink.SealOpenCell();
        IReadOnlyList<PayloadRef> places = sink.EndPayloads(start);
        List<LeafRef> leaves = [.. firsts.Zip(places, (first, place) => new LeafRef(first, place))];
        if (leaves.Count <= LeavesInManifestMax)
            return new RunDescriptor((ulong)entries.Count, bytes, default, leaves, []);

        start = sink.BeginPayloads();
        const int leavesInPart = 512; // 512 * 100 bytes stay below one chunk
        foreach (LeafRef[] part in leaves.Chunk(leavesInPart))
        {
            var index = new ByteWriter().VarInt((ulong)part.Length);
            RunDescriptor.WriteLeaves(index, part);
            sink.AddPayload(MetadataStream.RunIndex, index.Written);
        }
        sink.SealOpenCell();
        return new RunDescriptor((ulong)entries.Count, bytes, default, [], sink.EndPayloads(start));
    }
}

/// <summary>Where a commit's own structure goes.</summary>
internal interface IMetadataSink
{
    /// <summary>Seals what is in the open cell, so that all payloads so far have ids.</summary>
    void SealOpenCell();

    /// <summary>Seals the open cell if nothing more can begin in it: the next payload begins in the cell that is open then.</summary>
    void MakeRoom();

    /// <summary>Cells sealed so far.</summary>
    long SealedCells { get; }

    /// <summary>A mark to give to <see cref="EndPayloads"/>.</summary>
    int BeginPayloads();

    /// <summary>Adds one payload of a metadata stream, at most a chunk long.</summary>
    void AddPayload(uint stream, ReadOnlySpan<byte> bytes);

    /// <summary>The places of the payloads added since the mark, with the zero id for the cell that is still open.</summary>
    IReadOnlyList<PayloadRef> EndPayloads(int mark);
}
