using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>
/// Puts a damaged log right from another copy of the vault (V-183). Needs no key. A piece is taken only if the heads of this log prove it: it goes on from
/// the tree of the head before, ends with a head that the log key signed over it, and what stands behind it here goes on from that head.
/// </summary>
/// <remarks>It works on the files of a vault that nobody has open, since one whose newest head is lost is not opened for writing (V-65).</remarks>
public sealed class LogRepair
{
    private readonly VaultDescriptor descriptor;
    private readonly IHeadAuthority authority;
    private readonly SlotRecord newest;
    private readonly List<LogRepairReport.Piece> proved = [], left = [];
    // Taken from the copy and not yet gone on from by this log.
    private readonly List<LogRepairReport.Piece> waiting = [];

    private LogRepair(VaultDescriptor descriptor, IHeadAuthority authority, SlotRecord newest) =>
        (this.descriptor, this.authority, this.newest) = (descriptor, authority, newest);

    /// <summary>Finds what is damaged in the log of a vault and stands whole in another, and writes it in its place.</summary>
    /// <param name="dir">The vault's folder. Its lock is taken.</param>
    /// <param name="from">The folder of the other copy; its log alone is read.</param>
    /// <param name="authority">Knows the log key's public half.</param>
    /// <param name="dryRun">Write nothing.</param>
    /// <exception cref="VmPodException">No vault there (3), of another vault (4), no slot is sound (5), in use (6), no space (8).</exception>
    public static LogRepairReport Run(string dir, string from, IHeadAuthority authority, bool dryRun)
    {
        VaultDescriptor descriptor = CellStore.ReadDescriptor(dir);
        var disk = new StoreDisk(dir, null);
        using StoreLock storeLock = StoreLock.Take(disk, exclusive: true);
        using SafeFileHandle? other = new StoreDisk(from, null).Open(StoreNames.Log);
        using SafeFileHandle? log = disk.Open(StoreNames.Log, write: !dryRun);
        using SafeFileHandle? slots = disk.Open(StoreNames.Slots);
        // Where the log is missing there is nothing that a copy could be compared with: opening the vault says so.
        if (other is null || log is null)
            return LogRepairReport.None;
        bool isAnew = slots is null || NewestSlot(slots) is null;
        var repair = new LogRepair(descriptor, authority, isAnew ? SlotRepair.Find(disk, log, from, other, descriptor, authority) : NewestSlot(slots!)!);
        try
        {
            repair.Plan(log, other);
            if (!dryRun && repair.proved.Count > 0)
                repair.Write(disk, log, other);
            if (!dryRun && isAnew)
                SlotRepair.Write(disk, repair.newest);
        }
        catch (Exception e) when (StoreDisk.IsNoSpace(e))
        {
            throw new VmPodException(ExitCode.NoSpace, "The pod is full: its log cannot be repaired.", "Make room on the disk, then repair again.", e);
        }
        catch (Exception e) when (StoreDisk.IsDiskError(e))
        {
            throw new VmPodException(ExitCode.Damaged, $"The log cannot be repaired: {e.Message}", "Copy the pod to another disk, and repair it there.", e);
        }
        return new LogRepairReport(repair.proved, repair.left) { SlotsAnew = isAnew };
    }

    private static SlotRecord? NewestSlot(SafeFileHandle slots)
    {
        SlotRecord? newest = null;
        Span<byte> bytes = stackalloc byte[StoreLimits.SlotBytes];
        for (int place = 0; place < 2; place++)
        {
            if (StoreDisk.Read(slots, bytes, place * (long)StoreLimits.SlotBytes) == bytes.Length && SlotRecord.TryParse(bytes, place, out SlotRecord? slot)
                && slot!.Seq > (newest?.Seq ?? 0))
                newest = slot;
        }
        return newest;
    }

    private void Plan(SafeFileHandle log, SafeFileHandle other)
    {
        long end = newest.LogBytes, here = Math.Min(end, RandomAccess.GetLength(log)), there = Math.Min(end, RandomAccess.GetLength(other));
        LogFrontier? before = LogFrontier.Empty;
        for (long offset = 0; offset < end;)
        {
            if (before is not null && TryGroup(log, offset, here, before) is { } own)
            {
                // It goes on from what was taken before it.
                proved.AddRange(waiting);
                waiting.Clear();
                (offset, before) = (own.Next, own.After);
                continue;
            }
            if (before is not null && TryGroup(other, offset, there, before) is { } taken)
            {
                waiting.Add(new LogRepairReport.Piece(offset, taken.Next - offset));
                (offset, before) = (taken.Next, taken.After);
                continue;
            }
            // Neither has it. Behind the next head here that is signed and names its own place the tree is known again.
            waiting.Clear();
            (long head, LogFrontier after, long next) = FindHead(log, offset, here) ?? (end, LogFrontier.Empty, end);
            left.Add(new LogRepairReport.Piece(offset, head - offset));
            (offset, before) = (next, after);
        }
        // The last piece has nothing behind it: the slot names the head that it ends with.
        if (waiting.Count > 0 && TryHead(other, newest.HeadOffset, there) is { } last && last.Hash == newest.HeadHash)
            proved.AddRange(waiting);
        else
            left.AddRange(waiting);
    }

    private void Write(StoreDisk disk, SafeFileHandle log, SafeFileHandle other)
    {
        byte[] buffer = new byte[256 * 1024];
        foreach (LogRepairReport.Piece piece in proved)
        {
            for (long at = 0; at < piece.Bytes;)
            {
                Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, piece.Bytes - at));
                if (StoreDisk.Read(other, part, piece.Offset + at) != part.Length)
                    throw new IOException("the other copy became shorter");
                disk.Write(log, StoreNames.Log, part, piece.Offset + at);
                at += part.Length;
            }
        }
        disk.Sync(log, StoreNames.Log);
    }

    // The entries from an offset up to a HEAD that is signed over just these and all before.
    private (long Next, LogFrontier After)? TryGroup(SafeFileHandle file, long offset, long end, LogFrontier before) =>
        TryGroup(file, offset, end, before, descriptor, authority) is { } group ? (group.Next, group.After) : null;

    /// <summary>The entries from an offset up to a HEAD that is signed over just these and all before: where they end, the tree over them, and that
    /// HEAD.</summary>
    internal static (long Next, LogFrontier After, LogEntryHeader Place, HeadRecord Head, Digest Hash)? TryGroup(SafeFileHandle file, long offset, long end,
        LogFrontier before, VaultDescriptor descriptor, IHeadAuthority authority)
    {
        LogFrontier tree = before;
        try
        {
            for (long at = offset; LogFile.TryReadHeader(file, at, end) is { } header; at = header.Next)
            {
                if (header.Type != HeadRecord.EntryType)
                {
                    tree = tree.Append(LogFile.Hash(file, header));
                    continue;
                }
                return TryHead(file, at, end, descriptor, authority) is { } found && found.Head.Frontier.Equals(tree)
                    ? (header.Next, tree.Append(found.Hash), header, found.Head, found.Hash) : null;
            }
        }
        catch (Exception e) when (e is IOException or VmPodException)
        {
            // The disk cannot read it.
        }
        return null;
    }

    private (HeadRecord Head, Digest Hash)? TryHead(SafeFileHandle file, long offset, long end) => TryHead(file, offset, end, descriptor, authority);

    private static (HeadRecord Head, Digest Hash)? TryHead(SafeFileHandle file, long offset, long end, VaultDescriptor descriptor, IHeadAuthority authority)
    {
        try
        {
            if (LogFile.TryReadHeader(file, offset, end) is not { } header || header.Type != HeadRecord.EntryType || header.Bytes > StoreLimits.HeadBytesMax)
                return null;
            byte[] payload = new byte[header.Bytes];
            _ = LogFile.ReadPayload(file, header, 0, payload);
            HeadRecord head = HeadRecord.Parse(payload);
            return head.VaultId == descriptor.VaultId && head.LogBytes == offset
                && authority.Verify(payload.AsSpan(0, payload.Length - HeadRecord.SignatureSize), head.Signature.Span)
                ? (head, DomainHash.OfEntry(header.Type, payload)) : null;
        }
        catch (Exception e) when (e is IOException or VmPodException)
        {
            return null;
        }
    }

    private (long Offset, LogFrontier After, long Next)? FindHead(SafeFileHandle log, long from, long end)
    {
        const int step = 64 * 1024;
        var window = new LogWindow(log, end);
        for (long at = from; at < end; at += step)
        {
            for (int skip = 0; window.At(at, step + 3)[skip..].IndexOf("VPH1"u8) is >= 0 and int found; skip += found + 1)
            {
                long offset = at + skip + found - StoreLimits.EntryHeaderBytes;
                if (offset >= from && TryHead(log, offset, end) is { } head)
                    return (offset, head.Head.Frontier.Append(head.Hash), LogFile.ReadHeader(log, offset, end).Next);
            }
        }
        return null;
    }
}
