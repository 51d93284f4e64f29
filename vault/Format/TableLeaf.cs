namespace VmPod.Vault.Format;

/// <summary>A sorted piece of a table: what one leaf holds, or what stands inline in a manifest (SPEC, "Tables").</summary>
/// <typeparam name="TValue">The value.</typeparam>
/// <typeparam name="TFormat">How values are written.</typeparam>
public static class TableLeaf<TValue, TFormat>
    where TFormat : ITableValue<TValue>
{
    /// <summary>
    /// Writes entries from <paramref name="from"/> on until the leaf has <paramref name="bytesMax"/> bytes or all are written; one at least.
    /// An entry is { stream step, chunk or chunk step, value }: a stream step of 0 means the same stream, and then the chunk is a step of at least 1.
    /// </summary>
    /// <returns>The index after the last entry written.</returns>
    public static int Write(ByteWriter writer, IReadOnlyList<KeyValuePair<ChunkKey, TValue>> entries, int from, int bytesMax)
    {
        int end = writer.Length + bytesMax;
        var state = new LeafState();
        var entry = new ByteWriter();
        ChunkKey before = default;
        for (int i = from; i < entries.Count; i++)
        {
            (ChunkKey key, TValue value) = entries[i];
            bool first = i == from || key.Stream != before.Stream;
            entry.Clear();
            entry.VarInt(key.Stream - (i == from ? 0 : before.Stream)).VarInt(first ? key.Chunk : key.Chunk - before.Chunk);
            TFormat.Write(entry, value, state);
            if (i > from && writer.Length + entry.Length > end)
                return i;
            writer.Bytes(entry.Written);
            before = key;
        }
        return entries.Count;
    }

    /// <summary>Reads a whole leaf. False unless canonical: keys rise, numbers are shortest.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, List<KeyValuePair<ChunkKey, TValue>> into)
    {
        var reader = new ByteReader(bytes);
        ChunkKey before = default;
        var state = new LeafState();
        bool first = true;
        while (!reader.Failed && reader.Remaining > 0)
        {
            ulong step = reader.VarInt(), chunk = reader.VarInt();
            // Bounds before sums: arithmetic is checked, and these numbers are anybody's.
            reader.Require(step < MetadataStream.First && chunk <= (ulong)FormatLimits.StreamBytesMax);
            if (reader.Failed)
                return false;
            ulong stream = (first ? 0 : before.Stream) + step;
            bool same = !first && step == 0;
            reader.Require(stream < MetadataStream.First && (!same || chunk > 0));
            if (reader.Failed)
                return false;
            ulong number = same ? before.Chunk + chunk : chunk;
            reader.Require(number <= (ulong)(FormatLimits.StreamBytesMax / FormatLimits.ChunkBytes));
            TValue value = TFormat.Read(ref reader, state);
            before = new ChunkKey((uint)stream, number);
            first = false;
            if (!reader.Failed)
                into.Add(new(before, value));
        }
        return !reader.Failed;
    }
}
