using System.Buffers.Binary;

namespace VmPod.Vault.Format.Store;

/// <summary>Writes the fields of a binary record into a buffer of exactly its size.</summary>
internal ref struct ByteWriter(Span<byte> destination)
{
    private Span<byte> _rest = destination;

    internal readonly int Remaining => _rest.Length;

    internal void Bytes(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    internal void U8(byte value) => Take(1)[0] = value;

    internal void U16(ushort value) => BinaryPrimitives.WriteUInt16BigEndian(Take(2), value);

    internal void U32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Take(4), value);

    internal void U64(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Take(8), value);

    internal void Length(long value) => U64((ulong)value);

    internal void OffsetOrNone(long value) => U64(value < 0 ? ulong.MaxValue : (ulong)value);

    internal void U128(UInt128 value) => BinaryPrimitives.WriteUInt128BigEndian(Take(16), value);

    internal void Digest(Digest value) => value.WriteTo(Take(Format.Digest.Size));

    private Span<byte> Take(int count)
    {
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
