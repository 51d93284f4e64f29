using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>The fields of a message, as <see cref="ByteReader"/> reads them: what does not fit makes it fail.</summary>
internal static class WireFields
{
    internal static bool Flag(this ref ByteReader r)
    {
        byte value = r.Byte();
        r.Require(value <= 1);
        return value == 1;
    }

    internal static UInt128 UInt128(this ref ByteReader r) => new(r.UInt64(), r.UInt64());

    internal static Digest Hash(this ref ByteReader r)
    {
        ReadOnlySpan<byte> bytes = r.Bytes(Digest.Size);
        return bytes.Length == Digest.Size ? Digest.ReadFrom(bytes) : Digest.Zero;
    }

    internal static SessionHandle Handle(this ref ByteReader r) => new(r.UInt128());

    /// <summary>A printable text of at most <paramref name="maxBytes"/> bytes after its length as u16.</summary>
    internal static string WireText(this ref ByteReader r, int maxBytes)
    {
        ReadOnlySpan<byte> utf8 = r.Counted(maxBytes);
        if (r.Failed || !Wire.WireText.TryRead(utf8, out string? text))
        {
            r.Require(false);
            return "";
        }
        return text;
    }

    /// <summary>At most <paramref name="maxBytes"/> bytes after their number as u16.</summary>
    internal static ReadOnlySpan<byte> Counted(this ref ByteReader r, int maxBytes)
    {
        int bytes = r.UInt16();
        r.Require(bytes <= maxBytes);
        return r.Bytes(bytes);
    }

    /// <summary>As many ids as <paramref name="count"/>; none unless all are there, so that a count alone allocates nothing.</summary>
    internal static CellId[] Ids(this ref ByteReader r, int count)
    {
        ReadOnlySpan<byte> bytes = r.Bytes(count * CellId.Size);
        if (r.Failed)
            return [];
        var ids = new CellId[count];
        for (int i = 0; i < count; i++)
            ids[i] = CellId.ReadFrom(bytes[(i * CellId.Size)..]);
        return ids;
    }

    /// <summary>A commit record after its length as u16; null if the length is 0.</summary>
    internal static CommitRecord? Record(this ref ByteReader r)
    {
        ReadOnlySpan<byte> bytes = r.Counted(WireLimits.RecordBytesMax);
        if (r.Failed || bytes.IsEmpty)
            return null;
        r.Require(CommitRecord.TryRead(bytes, out CommitRecord? record, out int length) && length == bytes.Length);
        return record;
    }
}
