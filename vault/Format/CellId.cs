using System.Buffers.Binary;
using System.Security.Cryptography;

namespace VmPod.Vault.Format;

/// <summary>A cell's name: SHA-256(0x00 || cell), the leaf hash of RFC 6962. 32 bytes, compared as bytes.</summary>
public readonly struct CellId : IEquatable<CellId>, IComparable<CellId>
{
    /// <summary>Bytes of an id.</summary>
    public const int Size = 32;

    private readonly ulong a, b, c, d;

    private CellId(ReadOnlySpan<byte> from)
    {
        a = BinaryPrimitives.ReadUInt64BigEndian(from);
        b = BinaryPrimitives.ReadUInt64BigEndian(from[8..]);
        c = BinaryPrimitives.ReadUInt64BigEndian(from[16..]);
        d = BinaryPrimitives.ReadUInt64BigEndian(from[24..]);
    }

    /// <summary>The first 8 bytes, as a number: the prefix that the id index uses.</summary>
    public ulong Prefix => a;

    /// <summary>The id of a cell's bytes.</summary>
    public static CellId Of(ReadOnlySpan<byte> cell)
    {
        IncrementalHash hash = leafHash ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData([0]);
        hash.AppendData(cell);
        Span<byte> digest = stackalloc byte[Size];
        hash.GetHashAndReset(digest);
        return new CellId(digest);
    }

    [ThreadStatic]
    private static IncrementalHash? leafHash;

    /// <summary>Reads 32 bytes.</summary>
    public static CellId ReadFrom(ReadOnlySpan<byte> from) => new(from[..Size]);

    /// <summary>Writes the 32 bytes.</summary>
    public void WriteTo(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt64BigEndian(into, a);
        BinaryPrimitives.WriteUInt64BigEndian(into[8..], b);
        BinaryPrimitives.WriteUInt64BigEndian(into[16..], c);
        BinaryPrimitives.WriteUInt64BigEndian(into[24..], d);
    }

    /// <inheritdoc/>
    public bool Equals(CellId other) => a == other.a && b == other.b && c == other.c && d == other.d;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is CellId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => unchecked((int)(b ^ b >> 32));

    /// <inheritdoc/>
    public int CompareTo(CellId other) =>
        a != other.a ? a.CompareTo(other.a) : b != other.b ? b.CompareTo(other.b) : c != other.c ? c.CompareTo(other.c) : d.CompareTo(other.d);

    /// <summary>Lower-case hexadecimal.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        WriteTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>Equality of all bytes.</summary>
    public static bool operator ==(CellId left, CellId right) => left.Equals(right);

    /// <summary>Inequality.</summary>
    public static bool operator !=(CellId left, CellId right) => !left.Equals(right);

    /// <summary>Order of bytes.</summary>
    public static bool operator <(CellId left, CellId right) => left.CompareTo(right) < 0;

    /// <summary>Order of bytes.</summary>
    public static bool operator >(CellId left, CellId right) => left.CompareTo(right) > 0;

    /// <summary>Order of bytes.</summary>
    public static bool operator <=(CellId left, CellId right) => left.CompareTo(right) <= 0;

    /// <summary>Order of bytes.</summary>
    public static bool operator >=(CellId left, CellId right) => left.CompareTo(right) >= 0;
}
