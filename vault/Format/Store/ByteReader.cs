using System.Buffers.Binary;

namespace VmPod.Vault.Format.Store;

/// <summary>Reads the fields of a binary record from front to back. Too short means damaged, at the field that is missing.</summary>
internal ref struct ByteReader(ReadOnlySpan<byte> source, string record)
{
    private ReadOnlySpan<byte> _rest = source;

    internal readonly int Remaining => _rest.Length;

    internal ReadOnlySpan<byte> Bytes(int count)
    {
        if (count > _rest.Length)
            throw StoreFormatError.Damaged($"{record} ends too early");
        var bytes = _rest[..count];
        _rest = _rest[count..];
        return bytes;
    }

    internal byte U8() => Bytes(1)[0];

    internal ushort U16() => BinaryPrimitives.ReadUInt16BigEndian(Bytes(2));

    internal uint U32() => BinaryPrimitives.ReadUInt32BigEndian(Bytes(4));

    internal ulong U64() => BinaryPrimitives.ReadUInt64BigEndian(Bytes(8));

    internal UInt128 U128() => BinaryPrimitives.ReadUInt128BigEndian(Bytes(16));

    internal Digest Digest() => Format.Digest.ReadFrom(Bytes(Format.Digest.Size));

    /// <summary>A count or a length: a u64 that must stay below 2^63.</summary>
    internal long Length(string field)
    {
        ulong value = U64();
        return value <= long.MaxValue ? (long)value : throw StoreFormatError.Damaged($"{record} has an impossible {field}");
    }

    /// <summary>An offset, or -1 for the "none" value 2^64-1.</summary>
    internal long OffsetOrNone(string field)
    {
        ulong value = U64();
        if (value == ulong.MaxValue)
            return -1;
        return value <= long.MaxValue ? (long)value : throw StoreFormatError.Damaged($"{record} has an impossible {field}");
    }

    internal readonly void End()
    {
        if (!_rest.IsEmpty)
            throw StoreFormatError.Damaged($"{record} has bytes after its end");
    }
}
