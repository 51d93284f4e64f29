using System.Buffers.Binary;
using System.Text;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>Writes the fields of a message into the caller's memory, which may be locked: nothing goes over the heap.</summary>
internal ref struct SpanWriter(Span<byte> into)
{
    private Span<byte> rest = into;

    internal void Byte(byte value) => Take(1)[0] = value;

    internal void Flag(bool value) => Byte(value ? (byte)1 : (byte)0);

    internal void UInt16(int value) => BinaryPrimitives.WriteUInt16BigEndian(Take(2), (ushort)value);

    internal void UInt32(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Take(4), value);

    internal void UInt64(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Take(8), value);

    internal void UInt128(UInt128 value) => BinaryPrimitives.WriteUInt128BigEndian(Take(16), value);

    internal void Bytes(scoped ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    /// <summary>Bytes whose number is part of the format.</summary>
    internal void Bytes(scoped ReadOnlySpan<byte> bytes, int count)
    {
        if (bytes.Length != count)
            throw new ArgumentException($"A field of {count} bytes was given {bytes.Length}.");
        Bytes(bytes);
    }

    internal void Id(in CellId id) => id.WriteTo(Take(CellId.Size));

    internal void Hash(in Digest hash) => hash.WriteTo(Take(Digest.Size));

    internal void Handle(SessionHandle handle) => handle.WriteTo(Take(SessionHandle.Size));

    /// <summary>A printable text of at most <paramref name="bytesMax"/> bytes after its length as u16: the peer would end the link at another.</summary>
    internal void Text(string text, int bytesMax)
    {
        int bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > bytesMax || !WireText.IsPrintable(text))
            throw new ArgumentException($"A text on the wire is printable and has at most {bytesMax} bytes.");
        UInt16(bytes);
        _ = Encoding.UTF8.GetBytes(text, Take(bytes));
    }

    /// <summary>Length as u16, then bytes.</summary>
    internal void Counted(scoped ReadOnlySpan<byte> bytes)
    {
        UInt16(bytes.Length);
        Bytes(bytes);
    }

    internal readonly void End()
    {
        if (!rest.IsEmpty)
            throw new InvalidOperationException("A message is shorter than it said.");
    }

    private Span<byte> Take(int count)
    {
        Span<byte> taken = rest[..count];
        rest = rest[count..];
        return taken;
    }
}
