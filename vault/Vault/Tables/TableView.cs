using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.Vault.Tables;

/// <summary>A table as one generation sees it: sorted runs, newest first, whose leaves are fetched when used and kept parsed, within a
/// bound. Thread-safe.</summary>
internal sealed partial class TableView<TValue, TFormat>
    where TFormat : ITableValue<TValue>
{
    // About 950 entries a leaf of 16 KiB and 80 bytes an entry: 512 leaves are 40 MB, and map 30 GiB of chunks.
    private const int ParsedLeavesMax = 512;

    private readonly PayloadReader reader;
    private readonly CellId self;
    private readonly Run[] runs;
    private readonly Cache cache;

    /// <summary>
    /// A view of the runs of a manifest that begins in cell <paramref name="self"/>. Parsed leaves are shared with <paramref name="before"/>, the view of an
    /// earlier commit.
    /// </summary>
    public TableView(PayloadReader reader, IReadOnlyList<RunDescriptor> descriptors, CellId self, TableView<TValue, TFormat>? before = null)
    {
        this.reader = reader;
        this.self = self;
        cache = before?.cache ?? new Cache();
        Descriptors = [.. descriptors.Select(d => d.Resolve(self))];
        runs = [.. Descriptors.Select(d => new Run(d))];
    }

    /// <summary>The runs, newest first.</summary>
    public IReadOnlyList<RunDescriptor> Descriptors { get; }

    /// <summary>Bytes of all runs.</summary>
    public ulong Bytes => Descriptors.Aggregate(0UL, (sum, run) => sum + run.Bytes);

    /// <summary>Looks a key up. False if no run has it.</summary>
    public bool TryFind(ChunkKey key, out TValue value)
    {
        foreach (Run run in runs)
        {
            Leaf? leaf = LeafFor(run, key);
            if (leaf is null)
                continue;
            int i = leaf.Find(key);
            if (i >= 0)
            {
                value = leaf.Entries[i].Value;
                return true;
            }
        }
        value = default!;
        return false;
    }

    /// <summary>All entries from <paramref name="from"/> up to but not including <paramref name="to"/>, in order; the newest run wins.</summary>
    public IEnumerable<KeyValuePair<ChunkKey, TValue>> Enumerate(ChunkKey from, ChunkKey to) => Merge([.. runs.Select(r => EntriesOf(r, from, to))]);

    /// <summary>All entries of the <paramref name="count"/> newest runs.</summary>
    public IEnumerable<KeyValuePair<ChunkKey, TValue>> EnumerateNewest(int count) =>
        Merge([.. runs.Take(count).Select(r => EntriesOf(r, default, new ChunkKey(uint.MaxValue, ulong.MaxValue)))]);

    /// <summary>Fetches leaves of the newest runs, so that a commit does not have to: over a link it may have to do without the pod.</summary>
    public void Warm(int leavesMax)
    {
        foreach (Run run in runs)
        {
            if (run.Descriptor.Inline.Length > 0)
                continue;
            foreach (LeafRef leaf in LeavesOf(run))
            {
                if (leavesMax-- <= 0)
                    return;
                _ = Load(leaf);
            }
        }
    }

    /// <summary>The cells that leaves and indexes stand in, so that they can be fetched together where cells are far.</summary>
    public IEnumerable<CellId> Cells() => Enumerable.Range(0, runs.Length).SelectMany(PlacesOf).SelectMany(p => p.Cells()).Distinct();

    /// <summary>Where leaves and indexes of a run stand: what the run itself keeps alive.</summary>
    public IEnumerable<PayloadRef> PlacesOf(int run) => LeavesOf(runs[run]).Select(l => l.Place).Concat(runs[run].Descriptor.Index);

    /// <summary>Merges sorted sequences; on equal keys the first sequence wins.</summary>
    public static IEnumerable<KeyValuePair<ChunkKey, TValue>> Merge(IReadOnlyList<IEnumerable<KeyValuePair<ChunkKey, TValue>>> sources)
    {
        var cursors = new List<IEnumerator<KeyValuePair<ChunkKey, TValue>>>();
        try
        {
            foreach (IEnumerable<KeyValuePair<ChunkKey, TValue>> source in sources)
            {
                IEnumerator<KeyValuePair<ChunkKey, TValue>> cursor = source.GetEnumerator();
                if (cursor.MoveNext())
                    cursors.Add(cursor);
                else
                    cursor.Dispose();
            }
            while (cursors.Count > 0)
            {
                IEnumerator<KeyValuePair<ChunkKey, TValue>> least = cursors[0];
                for (int i = 1; i < cursors.Count; i++)
                {
                    if (cursors[i].Current.Key < least.Current.Key)
                        least = cursors[i];
                }
                KeyValuePair<ChunkKey, TValue> entry = least.Current;
                yield return entry;
                for (int i = cursors.Count - 1; i >= 0; i--)
                {
                    if (cursors[i].Current.Key == entry.Key && !cursors[i].MoveNext())
                    {
                        cursors[i].Dispose();
                        cursors.RemoveAt(i);
                    }
                }
            }
        }
        finally
        {
            foreach (IEnumerator<KeyValuePair<ChunkKey, TValue>> cursor in cursors)
                cursor.Dispose();
        }
    }

    private IEnumerable<KeyValuePair<ChunkKey, TValue>> EntriesOf(Run run, ChunkKey from, ChunkKey to)
    {
        if (run.Descriptor.Inline.Length > 0)
        {
            foreach (KeyValuePair<ChunkKey, TValue> entry in InlineOf(run).From(from).TakeWhile(e => e.Key < to))
                yield return entry;
            yield break;
        }
        IReadOnlyList<LeafRef> leaves = LeavesOf(run);
        for (int i = Math.Max(0, LeafIndex(leaves, from)); i < leaves.Count && leaves[i].First < to; i++)
        {
            foreach (KeyValuePair<ChunkKey, TValue> entry in Load(leaves[i]).From(from).TakeWhile(e => e.Key < to))
                yield return entry;
        }
    }

    private Leaf? LeafFor(Run run, ChunkKey key)
    {
        if (run.Descriptor.Inline.Length > 0)
            return InlineOf(run);
        IReadOnlyList<LeafRef> leaves = LeavesOf(run);
        int i = LeafIndex(leaves, key);
        return i < 0 ? null : Load(leaves[i]);
    }

    // The last leaf whose first key is not above the key; -1 if all are.
    private static int LeafIndex(IReadOnlyList<LeafRef> leaves, ChunkKey key)
    {
        int low = 0, high = leaves.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (leaves[middle].First <= key)
                low = middle + 1;
            else
                high = middle - 1;
        }
        return high;
    }

    private Leaf InlineOf(Run run) => run.InlineLeaf ??= Parse(run.Descriptor.Inline.Span, self);

    private IReadOnlyList<LeafRef> LeavesOf(Run run)
    {
        if (run.Descriptor.Index.Count == 0)
            return run.Descriptor.Leaves;
        return run.IndexLeaves ??= ReadIndex(run.Descriptor.Index);
    }

    private List<LeafRef> ReadIndex(IReadOnlyList<PayloadRef> places)
    {
        var leaves = new List<LeafRef>();
        foreach (PayloadRef place in places)
        {
            var bytes = new ByteReader(reader.ReadAll(MetadataStream.RunIndex, place));
            int count = bytes.VarIntAtMost(FormatLimits.LeavesMax);
            List<LeafRef> part = RunDescriptor.ReadLeaves(ref bytes, count);
            if (!bytes.IsAtEnd || (leaves.Count > 0 && part.Count > 0 && part[0].First <= leaves[^1].First)
                || leaves.Count + part.Count > FormatLimits.LeavesMax)
                throw Broken();
            leaves.AddRange(part);
        }
        return leaves;
    }

    private Leaf Load(LeafRef place)
    {
        (CellId, uint) key = (place.Place.Cell, place.Place.Slot);
        if (cache.Find(key) is { } known)
            return known;
        Leaf leaf = Parse(reader.ReadAll(TFormat.LeafStream, place.Place), place.Place.Cell);
        if (leaf.Entries.Length == 0 || leaf.Entries[0].Key != place.First)
            throw Broken();
        cache.Add(key, leaf);
        return leaf;
    }

    // "This cell" is the one in which the leaf, or the manifest around it, begins (V-25).
    private static Leaf Parse(ReadOnlySpan<byte> bytes, CellId thisCell)
    {
        var entries = new List<KeyValuePair<ChunkKey, TValue>>();
        return TableLeaf<TValue, TFormat>.TryRead(bytes, entries)
            ? new Leaf([.. entries.Select(e => KeyValuePair.Create(e.Key, TFormat.Resolve(e.Value, thisCell)))])
            : throw Broken();
    }

    private static VmPodException Broken() =>
        new(ExitCode.Damaged, "The session's map does not read as the format says.", "Use an older generation or a mirror.");

    private sealed class Run(RunDescriptor descriptor)
    {
        public readonly RunDescriptor Descriptor = descriptor;
        public Leaf? InlineLeaf;
        public IReadOnlyList<LeafRef>? IndexLeaves;
    }

    private sealed class Leaf(KeyValuePair<ChunkKey, TValue>[] entries)
    {
        public readonly KeyValuePair<ChunkKey, TValue>[] Entries = entries;

        public int Find(ChunkKey key)
        {
            int i = LowerBound(key);
            return i < Entries.Length && Entries[i].Key == key ? i : -1;
        }

        public IEnumerable<KeyValuePair<ChunkKey, TValue>> From(ChunkKey key) => Entries.Skip(LowerBound(key));

        private int LowerBound(ChunkKey key)
        {
            int low = 0, high = Entries.Length;
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (Entries[middle].Key < key)
                    low = middle + 1;
                else
                    high = middle;
            }
            return low;
        }
    }

    private sealed class Cache
    {
        private readonly Lock gate = new();
        private readonly Dictionary<(CellId, uint), Leaf> parsed = [];
        private readonly Queue<(CellId, uint)> order = new();

        public Leaf? Find((CellId, uint) key)
        {
            lock (gate)
                return parsed.GetValueOrDefault(key);
        }

        public void Add((CellId, uint) key, Leaf leaf)
        {
            lock (gate)
            {
                if (parsed.TryAdd(key, leaf))
                    order.Enqueue(key);
                while (order.Count > ParsedLeavesMax)
                    parsed.Remove(order.Dequeue());
            }
        }
    }
}
