using System.Buffers.Binary;

namespace VmPod.Vault.Snapshots.Containers.Deflate;

/// <summary>Bits, lowest first, into a buffer. What does not fit is not written, and <see cref="Overflow"/> says so.</summary>
internal ref struct BitWriter(Span<byte> into)
{
    private readonly Span<byte> into = into;
    private ulong held;
    private int heldBits;

    /// <summary>Whole bytes written.</summary>
    public int Length { get; private set; }

    /// <summary>True once something did not fit.</summary>
    public bool Overflow { get; private set; }

    /// <summary>At most 16 bits.</summary>
    public void Put(uint value, int bits)
    {
        held |= (ulong)value << heldBits;
        heldBits += bits;
        if (heldBits < 32)
            return;
        if (Length + 4 > into.Length)
        {
            (Overflow, held, heldBits) = (true, 0, 0);
            return;
        }
        BinaryPrimitives.WriteUInt32LittleEndian(into[Length..], (uint)(held & uint.MaxValue));
        Length += 4;
        held >>= 32;
        heldBits -= 32;
    }

    /// <summary>Zeros up to the next byte.</summary>
    public void Align()
    {
        for (; heldBits > 0; heldBits -= 8, held >>= 8)
            Byte((byte)(held & byte.MaxValue));
        (held, heldBits) = (0, 0);
    }

    /// <summary>Bytes, from a byte's beginning on.</summary>
    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Align();
        if (Length + bytes.Length > into.Length)
        {
            Overflow = true;
            return;
        }
        bytes.CopyTo(into[Length..]);
        Length += bytes.Length;
    }

    private void Byte(byte value)
    {
        if (Length == into.Length)
            Overflow = true;
        else
            into[Length++] = value;
    }
}
