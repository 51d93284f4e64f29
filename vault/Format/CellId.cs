namespace VmPod.Vault.Format;

/// <summary>The name of a cell: SHA-256(0x00 || cell), the RFC 6962 leaf hash, so that anyone verifies a cell without a key
/// (V-41).</summary>
public readonly struct CellId : IEquatable<CellId>, IComparable<CellId>
{
    /// <summary>Bytes of an id.</summary>
    public const int Size = Digest.Size;

    /// <summary>Wraps a digest that is known to be a cell's.</summary>
    public CellId(Digest value) => Value = value;

    /// <summary>The hash itself.</summary>
    public Digest Value { get; }

    /// <summary>The id of these bytes.</summary>
    public static CellId Of(ReadOnlySpan<byte> cell) => new(DomainHash.Of(DomainHash.Leaf, cell));

    /// <summary>Reads 32 bytes.</summary>
    public static CellId ReadFrom(ReadOnlySpan<byte> source) => new(Digest.ReadFrom(source));

    /// <summary>Writes 32 bytes.</summary>
    public void WriteTo(Span<byte> destination) => Value.WriteTo(destination);

    /// <inheritdoc/>
    public bool Equals(CellId other) => Value == other.Value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is CellId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Value.GetHashCode();

    /// <summary>Bytewise order.</summary>
    public int CompareTo(CellId other) => Value.CompareTo(other.Value);

    /// <summary>64 lower hexadecimal digits.</summary>
    public override string ToString() => Value.ToString();

    /// <summary>Bytewise equality.</summary>
    public static bool operator ==(CellId left, CellId right) => left.Equals(right);

    /// <summary>Bytewise inequality.</summary>
    public static bool operator !=(CellId left, CellId right) => !left.Equals(right);

    /// <summary>Bytewise order.</summary>
    public static bool operator <(CellId left, CellId right) => left.CompareTo(right) < 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator <=(CellId left, CellId right) => left.CompareTo(right) <= 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator >(CellId left, CellId right) => left.CompareTo(right) > 0;

    /// <summary>Bytewise order.</summary>
    public static bool operator >=(CellId left, CellId right) => left.CompareTo(right) >= 0;
}
