using System.Buffers.Binary;

namespace VmPod.Vault.Format;

/// <summary>A SHA-256 value of 32 bytes. Compares bytewise.</summary>
public readonly struct Digest : IEquatable<Digest>, IComparable<Digest>
{
    /// <summary>Bytes of a digest.</summary>
    public const int Size = 32;

    // Big-endian words, so that comparing numbers compares bytes.
    private readonly ulong _a, _b, _c, _d;

    private Digest(ulong a, ulong b, ulong c, ulong d) => (_a, _b, _c, _d) = (a, b, c, d);

    /// <summary>Thirty-two zero bytes: "nothing" wherever a format says so.</summary>
    public static Digest Zero => default;

    /// <summary>The first 12 bytes as (bytes 0..7, bytes 8..11): what an index keeps.</summary>
    public (ulong High, uint Low) Prefix => (_a, (uint)(_b >> 32));

    /// <summary>The first byte, then the next, as a number of 16 bits: what a radix set splits by.</summary>
    public int Top16 => (int)(_a >> 48);

    /// <summary>Nibble number <paramref name="depth"/> (0 is the upper half of the first byte), for the first 16 nibbles.</summary>
    public int Nibble(int depth) => (int)((_a >> (60 - 4 * depth)) & 15);

    /// <summary>Reads 32 bytes.</summary>
    public static Digest ReadFrom(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt64BigEndian(source),
        BinaryPrimitives.ReadUInt64BigEndian(source[8..]),
        BinaryPrimitives.ReadUInt64BigEndian(source[16..]),
        BinaryPrimitives.ReadUInt64BigEndian(source[24..]));

    /// <summary>Writes 32 bytes.</summary>
    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _a);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _b);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], _c);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], _d);
    }

    /// <inheritdoc/>
    public bool Equals(Digest other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Digest other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => unchecked((int)(_d ^ (_d >> 32)));

    /// <inheritdoc/>
    public int CompareTo(Digest other)
    {
        if (_a != other._a)
            return _a < other._a ? -1 : 1;
        if (_b != other._b)
            return _b < other._b ? -1 : 1;
        if (_c != other._c)
            return _c < other._c ? -1 : 1;
        return _d.CompareTo(other._d);
    }

    /// <summary>64 lower hexadecimal digits.</summary>
    public override string ToString() => $"{_a:x16}{_b:x16}{_c:x16}{_d:x16}";

    /// <summary>Bytewise equality.</summary>
    public static bool operator ==(Digest left, Digest right) => left.Equals(right);

    /// <summary>Bytewise inequality.</summary>
    public static bool operator !=(Digest left, Digest right) => !left.Equals(right);

    /// <summary>Bytewise order.</summary>
    public static bool operator <(Digest left, Digest right) => left.CompareTo(right) < 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator <=(Digest left, Digest right) => left.CompareTo(right) <= 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator >(Digest left, Digest right) => left.CompareTo(right) > 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator >=(Digest left, Digest right) => left.CompareTo(right) >= 0;
}
