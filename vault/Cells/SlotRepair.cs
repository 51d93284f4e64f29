using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>Finds which head counts in a vault of which no slot is sound, beside another copy of it (V-189).</summary>
/// <remarks>
/// The log alone would do, but for one thing: a log that was cut looks like an older one that is whole. What the copy saw must be in what is found; a commit
/// whose entries are all there had its cells durable before (V-60).
/// </remarks>
internal static class SlotRepair
{
    /// <summary>The slot of the newest head that the log leads to, where pieces of it that are damaged may come from the copy.</summary>
    /// <exception cref="VmPodException">The copy has no head that verifies (5), or one that is not in this log's history (5).</exception>
    internal static SlotRecord Find(StoreDisk disk, SafeFileHandle log, string from, SafeFileHandle other, VaultDescriptor descriptor, IHeadAuthority authority)
    {
        SlotRecord seen = NewestOf(from, other, descriptor, authority);
        long here = RandomAccess.GetLength(log), there = seen.LogBytes;
        (LogFrontier tree, SlotRecord? newest, bool isSeen) = (LogFrontier.Empty, null, false);
        var heads = new HashSet<Digest>();
        for (long offset = 0; ;)
        {
            if ((LogRepair.TryGroup(log, offset, here, tree, descriptor, authority) ?? LogRepair.TryGroup(other, offset, there, tree, descriptor, authority))
                is not { } group)
                break;
            isSeen |= group.Hash == seen.HeadHash;
            heads.Add(group.Hash);
            newest = new SlotRecord
            {
                Seq = group.Head.Seq,
                LogBytes = group.Next,
                LogEntries = group.After.Count,
                HeadOffset = group.Place.Offset,
                HeadBytes = group.Place.Bytes,
                HeadHash = group.Hash,
                Cells = 0,
            };
            (offset, tree) = (group.Next, group.After);
        }
        if (newest is null || !isSeen)
        {
            throw new VmPodException(ExitCode.Damaged, "No slot of the vault is sound, and its log does not lead to what the other copy has seen.",
                "It has another history, or more of it is damaged than the copy can give: podkeeper restore COPY NEWDIR makes the pod again.");
        }
        FreeMap? freed = StoreNames.FreeMaps.Select(name => FreeMap.TryOpen(disk, name, descriptor.VaultId)).OfType<FreeMap>()
            .Where(map => heads.Contains(map.Head)).MaxBy(map => map.Count);
        return newest with { Cells = CountCells(disk, descriptor.CellBytes), FreeMap = freed?.Hash ?? Digest.Zero };
    }

    /// <summary>Makes it the vault's one slot.</summary>
    internal static void Write(StoreDisk disk, SlotRecord slot)
    {
        var bytes = new byte[2 * StoreLimits.SlotBytes];
        slot.Encode().CopyTo(bytes, (int)(slot.Seq % 2) * StoreLimits.SlotBytes);
        CellStore.WriteSlots(disk, bytes);
    }

    private static SlotRecord NewestOf(string from, SafeFileHandle log, VaultDescriptor descriptor, IHeadAuthority authority)
    {
        var disk = new StoreDisk(from, null);
        using SafeFileHandle slots = disk.Open(StoreNames.Slots) ?? throw new VmPodException(ExitCode.Damaged,
            "The other copy has no slots: nothing says which head counts.", "Name another copy, or a mirror.");
        return Recovery.Run(disk, slots, log, descriptor, authority).State.Slot!;
    }

    // All whole cells up to the last segment that is there: those before it may have been freed and deleted.
    private static long CountCells(StoreDisk disk, int cellBytes)
    {
        string folder = disk.PathOf(StoreNames.Segments);
        if (!Directory.Exists(folder))
            return 0;
        int last = Directory.EnumerateFiles(folder).Select(p => StoreNames.SegmentNumber(Path.GetFileName(p)) ?? -1).DefaultIfEmpty(-1).Max();
        return last < 0 ? 0 : last * (long)StoreLimits.SegmentCells
            + Math.Min(StoreLimits.SegmentCells, new FileInfo(disk.PathOf(StoreNames.Segment(last))).Length / cellBytes);
    }
}
