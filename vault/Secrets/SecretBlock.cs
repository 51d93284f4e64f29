using System.Security.Cryptography;
using VmPod.Foundation;

namespace VmPod.Secrets;

/// <summary>Locked pages cut into slots of one size, and which of them are taken. The arena's lock guards it.</summary>
internal sealed class SecretBlock
{
    private readonly nint address;
    private readonly bool[] taken;
    private int takenCount;
    private int searchFrom;

    internal SecretBlock(int slotSize)
    {
        SlotSize = slotSize;
        Length = slotSize > SecretLimits.SlotBytesMax ? slotSize : SecretLimits.BlockBytes;
        address = Libc.MapPrivate((nuint)Length, locked: true);
        taken = new bool[Length / slotSize];
    }

    /// <summary>Bytes of a slot.</summary>
    internal int SlotSize { get; }

    /// <summary>Bytes of the mapping.</summary>
    internal int Length { get; }

    internal bool IsFull => takenCount == taken.Length;

    internal bool IsEmpty => takenCount == 0;

    internal nint AddressOf(int index) => address + (nint)index * SlotSize;

    internal int Take()
    {
        int index = Array.IndexOf(taken, false, searchFrom);
        if (index < 0)
            index = Array.IndexOf(taken, false);
        taken[index] = true;
        takenCount++;
        searchFrom = index;
        return index;
    }

    internal unsafe void Return(int index)
    {
        if (!taken[index])
            throw new InvalidOperationException("A slot of secret memory was returned twice.");
        CryptographicOperations.ZeroMemory(new Span<byte>((void*)AddressOf(index), SlotSize));
        taken[index] = false;
        takenCount--;
    }

    internal void Unmap() => Libc.Unmap(address, (nuint)Length);
}
