using System.Buffers.Binary;
using System.Globalization;

namespace VmPod.Vault.Format;

/// <summary>A session's 16 random bytes: all that a party without keys sees of its identity.</summary>
public readonly record struct SessionHandle(UInt128 Value)
{
    /// <summary>Bytes of a handle.</summary>
    public const int Size = 16;

    /// <summary>Writes the 16 bytes, big-endian.</summary>
    public void WriteTo(Span<byte> into) => BinaryPrimitives.WriteUInt128BigEndian(into, Value);

    /// <summary>Reads 16 bytes.</summary>
    public static SessionHandle ReadFrom(ReadOnlySpan<byte> from) => new(BinaryPrimitives.ReadUInt128BigEndian(from));

    /// <inheritdoc/>
    public override string ToString() => Value.ToString("x32", CultureInfo.InvariantCulture);
}
