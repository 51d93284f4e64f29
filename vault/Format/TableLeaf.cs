namespace VmPod.Vault.Format;

/// <summary>How the values of a table are written.</summary>
/// <typeparam name="T">The value.</typeparam>
public interface ITableValue<T>
{
    /// <summary>The stream number of the table's leaves.</summary>
    static abstract uint LeafStream { get; }

    /// <summary>An upper bound of a value's bytes.</summary>
    static abstract int ValueBytesMax { get; }

    /// <summary>Appends a value. <paramref name="previous"/> is the value before it in the leaf (default for the first).</summary>
    static abstract void Write(ByteWriter writer, in T value, in T previous);

    /// <summary>Reads a value.</summary>
    static abstract T Read(ref ByteReader reader, in T previous);
}

/// <summary>Values of the map.</summary>
/// <remarks>flags: 0 zero chunk; 1 a whole reference; 2 same lease, commit and cell as the entry before it.</remarks>
public readonly struct MapValue : ITableValue<PayloadRef>
{
    /// <inheritdoc/>
    public static uint LeafStream => MetadataStream.MapLeaf;

    /// <inheritdoc/>
    public static int ValueBytesMax => 1 + 8 + 10 + CellId.Size + 5;

    /// <inheritdoc/>
    public static void Write(ByteWriter writer, in PayloadRef value, in PayloadRef previous)
    {
        if (value.IsZero)
            writer.Byte(0);
        else if (!previous.IsZero && value.LeaseId == previous.LeaseId && value.Commit == previous.Commit && value.Cell.Equals(previous.Cell))
            writer.Byte(2).VarInt(value.Slot);
        else
            writer.Byte(1).UInt64(value.LeaseId).VarInt(value.Commit).Id(value.Cell).VarInt(value.Slot);
    }

    /// <inheritdoc/>
    public static PayloadRef Read(ref ByteReader reader, in PayloadRef previous)
    {
        switch (reader.Byte())
        {
            case 0:
                return PayloadRef.Zero;
            case 1:
                ulong lease = reader.UInt64(), commit = reader.VarInt();
                ReadOnlySpan<byte> id = reader.Bytes(CellId.Size);
                uint slot = (uint)reader.VarIntAtMost(FormatLimits.CellBytesMax / CellLayout.EntryBytes);
                reader.Require(lease != 0 || commit != 0);
                return reader.Failed ? default : new PayloadRef(lease, commit, CellId.ReadFrom(id), slot);
            case 2:
                reader.Require(!previous.IsZero);
                return previous with { Slot = (uint)reader.VarIntAtMost(FormatLimits.CellBytesMax / CellLayout.EntryBytes) };
            default:
                reader.Require(false);
                return default;
        }
    }
}

/// <summary>Values of the tag table: lease id (8 bytes) and tag (16 bytes); both zero for a chunk that became zero.</summary>
public readonly struct TagValue : ITableValue<ChangeTag>
{
    /// <inheritdoc/>
    public static uint LeafStream => MetadataStream.TagLeaf;

    /// <inheritdoc/>
    public static int ValueBytesMax => 24;

    /// <inheritdoc/>
    public static void Write(ByteWriter writer, in ChangeTag value, in ChangeTag previous) =>
        writer.UInt64(value.LeaseId).UInt64((ulong)(value.Value >> 64)).UInt64((ulong)(value.Value & ulong.MaxValue));

    /// <inheritdoc/>
    public static ChangeTag Read(ref ByteReader reader, in ChangeTag previous)
    {
        ulong lease = reader.UInt64();
        return new ChangeTag(lease, new UInt128(reader.UInt64(), reader.UInt64()));
    }
}

/// <summary>A sorted piece of a table: what one leaf holds, or what stands inline in a manifest (SPEC, "Tables").</summary>
/// <typeparam name="TValue">The value.</typeparam>
/// <typeparam name="TFormat">How values are written.</typeparam>
public static class TableLeaf<TValue, TFormat>
    where TFormat : ITableValue<TValue>
{
    /// <summary>Most bytes that an entry takes: a stream's number, a chunk's number, a value.</summary>
    public static int EntryBytesMax => 5 + 10 + TFormat.ValueBytesMax;

    /// <summary>
    /// Writes entries from <paramref name="from"/> on until the leaf has <paramref name="bytesMax"/> bytes or all are written.
    /// An entry is { stream step, chunk or chunk step, value }: a stream step of 0 means the same stream, and then the chunk is a step of at least 1.
    /// </summary>
    /// <returns>The index after the last entry written.</returns>
    public static int Write(ByteWriter writer, IReadOnlyList<KeyValuePair<ChunkKey, TValue>> entries, int from, int bytesMax)
    {
        int end = writer.Length + bytesMax;
        ChunkKey before = default;
        TValue previous = default!;
        int i = from;
        for (; i < entries.Count && writer.Length + EntryBytesMax <= end; i++)
        {
            (ChunkKey key, TValue value) = entries[i];
            bool first = i == from || key.Stream != before.Stream;
            writer.VarInt(key.Stream - (i == from ? 0 : before.Stream)).VarInt(first ? key.Chunk : key.Chunk - before.Chunk);
            TFormat.Write(writer, value, previous);
            (before, previous) = (key, value);
        }
        return i;
    }

    /// <summary>Reads a whole leaf. False unless canonical: keys rise, numbers are shortest.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, List<KeyValuePair<ChunkKey, TValue>> into)
    {
        var reader = new ByteReader(bytes);
        ChunkKey before = default;
        TValue previous = default!;
        bool first = true;
        while (!reader.Failed && reader.Remaining > 0)
        {
            ulong step = reader.VarInt(), chunk = reader.VarInt();
            ulong stream = (first ? 0 : before.Stream) + (ulong)(uint)step;
            bool same = !first && step == 0;
            reader.Require(step <= uint.MaxValue && stream < MetadataStream.First && chunk <= (ulong)FormatLimits.StreamBytesMax && (!same || chunk > 0));
            if (reader.Failed)
                return false;
            ulong number = same ? before.Chunk + chunk : chunk;
            reader.Require(number <= (ulong)(FormatLimits.StreamBytesMax / FormatLimits.ChunkBytes));
            TValue value = TFormat.Read(ref reader, previous);
            before = new ChunkKey((uint)stream, number);
            previous = value;
            first = false;
            if (!reader.Failed)
                into.Add(new(before, value));
        }
        return !reader.Failed;
    }
}
