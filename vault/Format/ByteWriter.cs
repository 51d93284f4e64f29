using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace VmPod.Vault.Format;

/// <summary>Writes the fields that <see cref="ByteReader"/> reads.</summary>
public sealed class ByteWriter
{
    private readonly ArrayBufferWriter<byte> buffer = new(256);

    /// <summary>What was written so far.</summary>
    public ReadOnlySpan<byte> Written => buffer.WrittenSpan;

    /// <summary>Bytes written so far.</summary>
    public int Length => buffer.WrittenCount;

    /// <summary>Forgets what was written.</summary>
    public void Clear() => buffer.ResetWrittenCount();

    /// <summary>Some bytes.</summary>
    public ByteWriter Bytes(ReadOnlySpan<byte> bytes)
    {
        buffer.Write(bytes);
        return this;
    }

    /// <summary>One byte.</summary>
    public ByteWriter Byte(byte value) => Bytes([value]);

    /// <summary>Two bytes, big-endian.</summary>
    public ByteWriter UInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Next(2), value);
        return this;
    }

    /// <summary>Four bytes, big-endian.</summary>
    public ByteWriter UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Next(4), value);
        return this;
    }

    /// <summary>Eight bytes, big-endian.</summary>
    public ByteWriter UInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Next(8), value);
        return this;
    }

    /// <summary>Sixteen bytes, big-endian.</summary>
    public ByteWriter UInt128(UInt128 value)
    {
        BinaryPrimitives.WriteUInt128BigEndian(Next(16), value);
        return this;
    }

    /// <summary>An offset, or "none" (2^64-1) for -1.</summary>
    public ByteWriter OffsetOrNone(long value) => UInt64(value < 0 ? ulong.MaxValue : (ulong)value);

    /// <summary>A session's handle, 16 bytes.</summary>
    public ByteWriter Handle(SessionHandle handle)
    {
        handle.WriteTo(Next(SessionHandle.Size));
        return this;
    }

    /// <summary>A cell's id, 32 bytes.</summary>
    public ByteWriter Id(in CellId id)
    {
        id.WriteTo(Next(CellId.Size));
        return this;
    }

    /// <summary>A hash, 32 bytes.</summary>
    public ByteWriter Hash(in Digest hash)
    {
        hash.WriteTo(Next(Digest.Size));
        return this;
    }

    /// <summary>An unsigned LEB128 number, shortest form.</summary>
    public ByteWriter VarInt(ulong value)
    {
        Span<byte> bytes = stackalloc byte[10];
        int n = 0;
        for (; value >= 0x80; value >>= 7)
            bytes[n++] = (byte)(value & 0x7F | 0x80);
        bytes[n++] = (byte)value;
        return Bytes(bytes[..n]);
    }

    /// <summary>A text: length in bytes as a number, then UTF-8.</summary>
    public ByteWriter Text(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        return VarInt((ulong)utf8.Length).Bytes(utf8);
    }

    private Span<byte> Next(int count)
    {
        Span<byte> span = buffer.GetSpan(count)[..count];
        buffer.Advance(count);
        return span;
    }
}
