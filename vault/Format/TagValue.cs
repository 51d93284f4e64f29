namespace VmPod.Vault.Format;

/// <summary>Values of the tag table: lease id (8 bytes) and tag (16 bytes); both zero for a chunk that became zero.</summary>
public readonly struct TagValue : ITableValue<ChangeTag>
{
    /// <inheritdoc/>
    public static uint LeafStream => MetadataStream.TagLeaf;

    /// <inheritdoc/>
    public static void Write(ByteWriter writer, in ChangeTag value, LeafState state) =>
        writer.UInt64(value.LeaseId).UInt64((ulong)(value.Value >> 64)).UInt64((ulong)(value.Value & ulong.MaxValue));

    /// <inheritdoc/>
    public static ChangeTag Read(ref ByteReader reader, LeafState state)
    {
        ulong lease = reader.UInt64();
        return new ChangeTag(lease, new UInt128(reader.UInt64(), reader.UInt64()));
    }

    /// <inheritdoc/>
    public static ChangeTag Resolve(in ChangeTag value, CellId self) => value;
}
