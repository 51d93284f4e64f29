namespace VmPod.Testing;

/// <summary>Puts the segments of one direction of one connection in order: what the receiver's program read.</summary>
internal sealed class TcpBytes(uint first, Action<ReadOnlySpan<byte>> take)
{
    // Segments that came before their turn, by their distance from the first byte.
    private readonly SortedDictionary<long, byte[]> early = [];
    private long at;

    /// <summary>Bytes that were seen, and not given out since some before them are missing.</summary>
    internal long Stranded => early.Values.Sum(b => (long)b.Length);

    /// <summary>A segment, however late or however often.</summary>
    internal void Add(uint sequence, ReadOnlySpan<byte> data)
    {
        // Numbers are modulo 2^32: the distance to where we are is small, either way.
        long start = at + unchecked((int)(sequence - (uint)(first + at)));
        if (start > at)
        {
            if (!early.TryGetValue(start, out byte[]? known) || known.Length < data.Length)
                early[start] = data.ToArray();
            return;
        }
        Give(start, data);
        while (early.Count > 0 && early.First() is var next && next.Key <= at)
        {
            early.Remove(next.Key);
            Give(next.Key, next.Value);
        }
    }

    private void Give(long start, ReadOnlySpan<byte> data)
    {
        if (start + data.Length <= at)
            return;
        data = data[(int)(at - start)..];
        at += data.Length;
        take(data);
    }
}
