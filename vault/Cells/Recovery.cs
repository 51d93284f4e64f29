using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>
/// Finds the state that counts when a store is opened (V-62 to V-65): the highest sound slot whose head verifies. A damaged slot is either
/// the older one, or a torn write of a commit whose log was already durable; then that commit is in the log and is taken from there.
/// </summary>
internal sealed class Recovery
{
    private readonly StoreDisk _disk;
    private readonly SafeFileHandle _log;
    private readonly long _logLength;
    private readonly VaultDescriptor _descriptor;
    private readonly IHeadAuthority _authority;

    private Recovery(StoreDisk disk, SafeFileHandle log, VaultDescriptor descriptor, IHeadAuthority authority)
    {
        (_disk, _log, _descriptor, _authority) = (disk, log, descriptor, authority);
        _logLength = RandomAccess.GetLength(log);
    }

    /// <summary>The state to go on from.</summary>
    internal required StoreState State { get; init; }

    /// <summary>The positions that were freed. None if the state's map is lost: then holes look like damage until the next freeing.</summary>
    internal FreeMap Freed { get; private init; } = FreeMap.None;

    /// <summary>The file that has them.</summary>
    internal string? FreedName { get; private init; }

    /// <summary>The state was rolled forward from the log: its slot is to be written before anything else.</summary>
    internal bool IsRolledForward { get; private init; }

    /// <summary>The place of a damaged slot that counts for nothing, or null: a writer blanks it before anything else.</summary>
    internal int? BlankPlace { get; private init; }

    /// <summary>A newer head was acknowledged once and cannot be read: readers may use the older one, writers must not.</summary>
    internal bool IsNewestHeadLost { get; private init; }

    /// <exception cref="VmPodException">Damaged: no slot leads to a head.</exception>
    internal static Recovery Run(StoreDisk disk, SafeFileHandle slots, SafeFileHandle log, VaultDescriptor descriptor,
        IHeadAuthority authority)
    {
        var places = new SlotRecord?[2];
        int? damaged = null;
        Span<byte> bytes = stackalloc byte[StoreLimits.SlotBytes];
        for (int place = 0; place < 2; place++)
        {
            bytes.Clear();
            int read = ReadOrZero(slots, bytes, place * (long)StoreLimits.SlotBytes);
            if (!SlotRecord.TryParse(bytes[..read], place, out places[place]) && !(read == bytes.Length && SlotRecord.IsEmpty(bytes)))
                damaged = damaged is null ? place : throw NoHead("both of its slots are damaged");
        }
        var search = new Recovery(disk, log, descriptor, authority) { State = StoreState.Genesis };
        var ordered = places.OfType<SlotRecord>().OrderByDescending(slot => slot.Seq).ToArray();
        for (int i = 0; i < ordered.Length; i++)
        {
            if (search.TryLoad(ordered[i]) is { } state)
                return i > 0 ? search.Found(state, lost: true) : damaged is { } place ? search.BesideDamage(state, place)
                    : search.Found(state);
        }
        throw NoHead("no slot leads to a head that its log key has signed");
    }

    private Recovery Found(StoreState state, bool forward = false, int? blank = null, bool lost = false)
    {
        string? name = StoreNames.FreeMaps.FirstOrDefault(n => state.Slot!.FreeMap != Digest.Zero && OpenMap(n)?.Hash == state.Slot.FreeMap);
        return new(_disk, _log, _descriptor, _authority)
        {
            State = state,
            IsRolledForward = forward,
            BlankPlace = blank,
            IsNewestHeadLost = lost,
            Freed = name is null ? FreeMap.None : OpenMap(name)!,
            FreedName = name,
        };
    }

    private FreeMap? OpenMap(string name) => FreeMap.TryOpen(_disk, name, _descriptor.VaultId);

    private Recovery BesideDamage(StoreState state, int place)
    {
        // Nothing after the state's own end: the commit of the damaged slot was the one before. A log is synced before its slot is written.
        if (_logLength == state.LogBytes)
            return Found(state, blank: place);
        return TryRollForward(state) is { } next ? Found(next, forward: true) : Found(state, lost: true);
    }

    private StoreState? TryLoad(SlotRecord slot)
    {
        if (_logLength < slot.LogBytes || LogFile.TryReadHeader(_log, slot.HeadOffset, slot.LogBytes) is not { } header
            || header.Type != HeadRecord.EntryType || header.Bytes != slot.HeadBytes)
            return null;
        if (TryReadHead(header, out var hash) is not { } head || hash != slot.HeadHash || head.Seq != slot.Seq
            || head.Frontier.Count + 1 != slot.LogEntries)
            return null;
        return new StoreState(head, slot, head.Frontier.Append(hash));
    }

    // The commit after `state`, if the log holds all of it: entries and a signed head whose tree is the one over them.
    private StoreState? TryRollForward(StoreState state)
    {
        var frontier = state.Frontier;
        for (long offset = state.LogBytes; LogFile.TryReadHeader(_log, offset, _logLength) is { } header; offset = header.Next)
        {
            if (header.Type != HeadRecord.EntryType)
            {
                frontier = frontier.Append(LogFile.Hash(_log, header));
                continue;
            }
            if (header.Bytes > StoreLimits.HeadBytesMax || TryReadHead(header, out var hash) is not { } head || head.Seq != state.Seq + 1
                || !head.Frontier.Equals(frontier))
                return null;
            var slot = new SlotRecord
            {
                Seq = head.Seq,
                LogBytes = header.Next,
                LogEntries = frontier.Count + 1,
                HeadOffset = header.Offset,
                HeadBytes = header.Bytes,
                HeadHash = hash,
                Cells = CountCells(state.Cells),
                // The map that the lost slot named, if it named a new one: that was durable before.
                FreeMap = StoreNames.FreeMaps.Select(OpenMap).FirstOrDefault(m => m?.Head == hash)?.Hash ?? state.Slot!.FreeMap,
            };
            return new StoreState(head, slot, frontier.Append(hash));
        }
        return null;
    }

    private HeadRecord? TryReadHead(LogEntryHeader header, out Digest hash)
    {
        hash = default;
        try
        {
            var payload = new byte[header.Bytes];
            _ = LogFile.ReadPayload(_log, header, 0, payload);
            var head = HeadRecord.Parse(payload);
            hash = DomainHash.OfEntry(header.Type, payload);
            bool isOurs = head.VaultId == _descriptor.VaultId && head.LogBytes == header.Offset
                && _authority.Verify(payload.AsSpan(0, payload.Length - HeadRecord.SignatureSize), head.Signature.Span);
            return isOurs ? head : null;
        }
        catch (Exception e) when (e is IOException or VmPodException { ExitCode: ExitCode.Damaged })
        {
            return null;
        }
    }

    // A lost slot's cell count: all whole cells that stand there. They were synced before the log was; a few cells that nobody names do no
    // harm.
    private long CountCells(long cells)
    {
        while (true)
        {
            var (segment, slot) = SegmentSet.Place(cells);
            var file = new FileInfo(_disk.PathOf(StoreNames.Segment(segment)));
            long whole = file.Exists ? Math.Min(StoreLimits.SegmentCells, file.Length / _descriptor.CellBytes) : 0;
            if (whole <= slot)
                return cells;
            cells += whole - slot;
            if (whole < StoreLimits.SegmentCells)
                return cells;
        }
    }

    // A sector that the disk cannot read is a damaged slot, not the end of everything.
    private static int ReadOrZero(SafeFileHandle slots, Span<byte> bytes, long offset)
    {
        try
        {
            return StoreDisk.Read(slots, bytes, offset);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static VmPodException NoHead(string why) => new(ExitCode.Damaged, $"The vault cannot be opened: {why}.",
        "Copy the pod folder away as it is, then restore it from a mirror or a backup.");
}
