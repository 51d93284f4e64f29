namespace VmPod.Vault.Format;

/// <summary>K_lease as a home host of its session may have it: wrapped under that host's own key (V-121). No secret.</summary>
/// <param name="LeaseId">The lease's id, which is the key id in the header of its cells.</param>
/// <param name="Wrapped">The wrapped key, <see cref="FormatLimits.WrappedKeyBytes"/> bytes.</param>
public readonly record struct WrappedLeaseKey(ulong LeaseId, ReadOnlyMemory<byte> Wrapped)
{
    /// <summary>Bytes of one in a list: id 8, wrapped key.</summary>
    public const int Bytes = 8 + FormatLimits.WrappedKeyBytes;

    /// <summary>Writes a list: count u16, then each, by ascending id.</summary>
    public static void WriteList(ByteWriter writer, IReadOnlyList<WrappedLeaseKey> keys)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(keys.Count, FormatLimits.HomeLeaseKeysMax);
        _ = writer.UInt16((ushort)keys.Count);
        foreach (WrappedLeaseKey key in keys)
            _ = writer.UInt64(key.LeaseId).Bytes(key.Wrapped.Span);
    }

    /// <summary>Reads a list. What is not canonical makes the reader fail.</summary>
    public static IReadOnlyList<WrappedLeaseKey> ReadList(ref ByteReader reader)
    {
        int count = reader.UInt16();
        reader.Require(count <= FormatLimits.HomeLeaseKeysMax);
        var all = new ByteReader(reader.Bytes(count * Bytes));
        if (reader.Failed)
            return [];
        var keys = new WrappedLeaseKey[count];
        for (int i = 0; i < count; i++)
        {
            keys[i] = new WrappedLeaseKey(all.UInt64(), all.Bytes(FormatLimits.WrappedKeyBytes).ToArray());
            reader.Require(i == 0 || keys[i].LeaseId > keys[i - 1].LeaseId);
        }
        return keys;
    }
}
