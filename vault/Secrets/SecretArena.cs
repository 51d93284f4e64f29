using System.Numerics;

namespace VmPod.Secrets;

/// <summary>
/// Hands out slots of locked memory to <see cref="SecretBuffer"/>: secrets of one size class share blocks of pages.
/// </summary>
/// <remarks>
/// libsodium's allocator gives each key a page of its own (3,000 keys = 12 MB, beyond the default lock limit) and ignores a failed mlock;
/// here 128 keys share a page and a failed mlock is an error.
/// A free slot always holds zeros: it is zeroed when it comes back, not when it is handed out.
/// </remarks>
internal static class SecretArena
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<int, List<SecretBlock>> BlocksBySlotSize = [];

    /// <summary>Locked bytes of all blocks, for the account against the lock limit.</summary>
    internal static long LockedBytes
    {
        get
        {
            lock (Gate)
                return field;
        }

        private set;
    }

    /// <summary>A zeroed slot of at least <paramref name="size"/> bytes.</summary>
    internal static SecretSlot Take(int size)
    {
        int slotSize = SlotSize(size);
        lock (Gate)
        {
            if (!BlocksBySlotSize.TryGetValue(slotSize, out List<SecretBlock>? blocks))
                BlocksBySlotSize[slotSize] = blocks = [];
            SecretBlock? block = blocks.Find(b => !b.IsFull);
            if (block is null)
            {
                block = new SecretBlock(slotSize);
                blocks.Add(block);
                LockedBytes += block.Length;
            }
            return new SecretSlot(block, block.Take());
        }
    }

    /// <summary>Zeroes a slot and takes it back. A block without a taken slot goes back to the kernel.</summary>
    /// <exception cref="InvalidOperationException">The slot is free already: a bug that could hand one slot to two owners.</exception>
    internal static void Return(SecretSlot slot)
    {
        lock (Gate)
        {
            slot.Block.Return(slot.Index);
            if (!slot.Block.IsEmpty)
                return;
            List<SecretBlock> blocks = BlocksBySlotSize[slot.Block.SlotSize];
            // The last shared block stays, so that a program with one short-lived key at a time does not map and lock for each.
            if (blocks.Count == 1 && slot.Block.SlotSize <= SecretLimits.SlotBytesMax)
                return;
            blocks.Remove(slot.Block);
            LockedBytes -= slot.Block.Length;
            slot.Block.Unmap();
        }
    }

    private static int SlotSize(int size)
    {
        if (size > SecretLimits.SlotBytesMax)
            return (size + Environment.SystemPageSize - 1) / Environment.SystemPageSize * Environment.SystemPageSize;
        return (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(size, SecretLimits.SlotBytesMin));
    }
}
