namespace VmPod.Vault.Format;

/// <summary>A leaf of a run: the smallest key in it, and where it stands.</summary>
public readonly record struct LeafRef(ChunkKey First, PayloadRef Place);

/// <summary>One sorted run of a table, as it stands in a manifest. Newer runs come first; an entry hides those of older runs.</summary>
/// <param name="Entries">Entries in the run.</param>
/// <param name="Bytes">Bytes of its leaves before compression: what the merge policy weighs.</param>
/// <param name="Inline">The entries themselves, as a leaf, for a small run; else empty.</param>
/// <param name="Leaves">The leaves; empty if inline or if the index stands in payloads of its own.</param>
/// <param name="Index">The payloads that hold the leaves' list, in order; empty if the list stands here.</param>
public sealed record RunDescriptor(ulong Entries, ulong Bytes, ReadOnlyMemory<byte> Inline, IReadOnlyList<LeafRef> Leaves, IReadOnlyList<PayloadRef> Index)
{
    private const byte KindInline = 1, KindLeaves = 2, KindIndex = 3;

    /// <summary>The run with the id of a cell where a leaf's place says "this cell" (a zero id). Entries that stand inline are left as they are.</summary>
    public RunDescriptor Resolve(CellId self) => this with { Leaves = [.. Leaves.Select(l => l with { Place = MapValue.Resolve(l.Place, self) })] };

    /// <summary>Appends it to a manifest.</summary>
    public void WriteTo(ByteWriter writer)
    {
        writer.VarInt(Entries).VarInt(Bytes);
        if (Inline.Length > 0)
        {
            writer.Byte(KindInline).VarInt((ulong)Inline.Length).Bytes(Inline.Span);
            return;
        }
        if (Index.Count == 0)
        {
            writer.Byte(KindLeaves).VarInt((ulong)Leaves.Count);
            WriteLeaves(writer, Leaves);
            return;
        }
        writer.Byte(KindIndex).VarInt((ulong)Index.Count);
        var state = new LeafState();
        foreach (PayloadRef place in Index)
            MapValue.Write(writer, place, state);
    }

    /// <summary>Appends a list of leaves, here or in payloads of its own.</summary>
    public static void WriteLeaves(ByteWriter writer, IReadOnlyList<LeafRef> leaves)
    {
        var state = new LeafState();
        foreach (LeafRef leaf in leaves)
        {
            writer.VarInt(leaf.First.Stream).VarInt(leaf.First.Chunk);
            MapValue.Write(writer, leaf.Place, state);
        }
    }

    /// <summary>Reads <paramref name="count"/> leaves.</summary>
    public static List<LeafRef> ReadLeaves(ref ByteReader reader, int count)
    {
        // Grows with what is really there: a count costs three bytes to write and is not believed.
        var leaves = new List<LeafRef>();
        var state = new LeafState();
        for (int i = 0; i < count && !reader.Failed; i++)
        {
            ulong stream = reader.VarInt();
            // Also of those that no manifest lists (V-150).
            reader.Require(stream < MetadataStream.First);
            var first = new ChunkKey(unchecked((uint)stream), reader.VarInt());
            PayloadRef place = MapValue.Read(ref reader, state);
            reader.Require(IsPlain(place) && (i == 0 || leaves[^1].First < first));
            leaves.Add(new LeafRef(first, place));
        }
        return leaves;
    }

    /// <summary>Reads one.</summary>
    public static RunDescriptor Read(ref ByteReader reader)
    {
        ulong entries = reader.VarInt(), bytes = reader.VarInt();
        reader.Require(entries > 0);
        switch (reader.Byte())
        {
            case KindInline:
                int length = reader.VarIntAtMost(FormatLimits.ManifestBytesMax);
                reader.Require(length > 0);
                return new RunDescriptor(entries, bytes, reader.Bytes(length).ToArray(), [], []);
            case KindLeaves:
                int count = reader.VarIntAtMost(FormatLimits.LeavesMax);
                reader.Require(count > 0);
                return new RunDescriptor(entries, bytes, default, ReadLeaves(ref reader, count), []);
            case KindIndex:
                int parts = reader.VarIntAtMost(FormatLimits.LeavesMax);
                reader.Require(parts > 0);
                var index = new List<PayloadRef>();
                var state = new LeafState();
                for (int i = 0; i < parts && !reader.Failed; i++)
                {
                    index.Add(MapValue.Read(ref reader, state));
                    reader.Require(IsPlain(index[^1]));
                }
                return new RunDescriptor(entries, bytes, default, [], index);
            default:
                reader.Require(false);
                return new RunDescriptor(1, 0, default, [], []);
        }
    }

    // The vault's own structure is never made of pages of others.
    private static bool IsPlain(in PayloadRef place) => !place.IsZero && place.Pages is null;
}
