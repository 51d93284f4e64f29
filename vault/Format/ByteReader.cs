using System.Buffers.Binary;
using System.Text;

namespace VmPod.Vault.Format;

/// <summary>Reads fields from bytes that came from outside. The first field that does not fit makes <see cref="Failed"/> true for good; every later
/// read gives zero, so that a parser checks once, before it uses what it read.</summary>
public ref struct ByteReader(ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> rest = bytes;

    /// <summary>True once a read went wrong.</summary>
    public bool Failed { get; private set; }

    /// <summary>True if all was read and nothing went wrong.</summary>
    public readonly bool IsAtEnd => !Failed && rest.IsEmpty;

    /// <summary>Bytes that are left.</summary>
    public readonly int Remaining => rest.Length;

    /// <summary>The next <paramref name="count"/> bytes.</summary>
    public ReadOnlySpan<byte> Bytes(int count)
    {
        if (Failed || count < 0 || count > rest.Length)
        {
            Failed = true;
            return default;
        }
        ReadOnlySpan<byte> taken = rest[..count];
        rest = rest[count..];
        return taken;
    }

    /// <summary>One byte.</summary>
    public byte Byte() => Bytes(1) is { Length: 1 } b ? b[0] : (byte)0;

    /// <summary>Two bytes, big-endian.</summary>
    public ushort UInt16() => Bytes(2) is { Length: 2 } b ? BinaryPrimitives.ReadUInt16BigEndian(b) : (ushort)0;

    /// <summary>Four bytes, big-endian.</summary>
    public uint UInt32() => Bytes(4) is { Length: 4 } b ? BinaryPrimitives.ReadUInt32BigEndian(b) : 0;

    /// <summary>Eight bytes, big-endian.</summary>
    public ulong UInt64() => Bytes(8) is { Length: 8 } b ? BinaryPrimitives.ReadUInt64BigEndian(b) : 0;

    /// <summary>Sixteen bytes, big-endian.</summary>
    public UInt128 UInt128() => Bytes(16) is { Length: 16 } b ? BinaryPrimitives.ReadUInt128BigEndian(b) : default;

    /// <summary>A hash, 32 bytes.</summary>
    public Digest Hash() => Bytes(Digest.Size) is { Length: Digest.Size } b ? Digest.ReadFrom(b) : default;

    /// <summary>Eight bytes that are a length, a count or a time: below 2^63.</summary>
    public long Length()
    {
        ulong value = UInt64();
        Require(value <= long.MaxValue);
        return Failed ? 0 : (long)value;
    }

    /// <summary>Eight bytes that are an offset below 2^63, or -1 for "none", 2^64-1.</summary>
    public long OffsetOrNone()
    {
        ulong value = UInt64();
        Require(value is <= long.MaxValue or ulong.MaxValue);
        return Failed || value == ulong.MaxValue ? -1 : (long)value;
    }

    /// <summary>An unsigned LEB128 number in its shortest form, at most 10 bytes.</summary>
    public ulong VarInt()
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = Byte();
            if (Failed || shift > 63 || (shift == 63 && b > 1) || (b == 0 && shift > 0))
            {
                Failed = true;
                return 0;
            }
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }
    }

    /// <summary>A number that may not exceed <paramref name="max"/>.</summary>
    public int VarIntAtMost(int max)
    {
        ulong value = VarInt();
        if (value > (ulong)max)
        {
            Failed = true;
            return 0;
        }
        return (int)value;
    }

    /// <summary>A text of at most <paramref name="maxBytes"/> bytes of UTF-8 after its length as a number.</summary>
    public string Text(int maxBytes)
    {
        ReadOnlySpan<byte> utf8 = Bytes(VarIntAtMost(maxBytes));
        try
        {
            return Failed ? "" : StrictUtf8.GetString(utf8);
        }
        catch (ArgumentException)
        {
            Failed = true;
            return "";
        }
    }

    /// <summary>Marks what was read as not acceptable unless <paramref name="condition"/> holds.</summary>
    public void Require(bool condition) => Failed |= !condition;
}
