using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>A mirror: a copy that takes cells and pieces of the log from its pod, and proves each of them without a key (V-189).</summary>
/// <remarks>
/// <code>
///   cells appended (kept also without a head, and found again after a kill) -> log written behind its end -> TakeHead: log proved, synced, slots replaced
/// </code>
/// The two slots are written as one file beside the old one and renamed over it: a pod's head is one above the last, so its slots alternate; a mirror's may
/// be any number above.
/// </remarks>
public sealed partial class CellStore
{
    private readonly List<CellId> _adopted = [];
    private SlotRecord? _slotBefore;

    /// <summary>Cells that stood here without a head that could name them when a mirror was opened: what a cut transfer left.</summary>
    public IReadOnlyList<CellId> AdoptedCells => _adopted;

    /// <summary>Opens a mirror of this vault for taking more, or begins one in a new or empty folder.</summary>
    /// <exception cref="VmPodException">The folder is a pod, holds another vault or something else (4), is damaged (5), in use (6), no space (8).</exception>
    public static CellStore OpenMirror(string dir, VaultDescriptor descriptor, IHeadAuthority authority) => OpenMirror(dir, descriptor, authority, null);

    /// <summary>Throws if the folder is neither a mirror of this vault nor a place where one can be made.</summary>
    /// <returns>Whether a mirror is there, begun at least.</returns>
    /// <exception cref="VmPodException">It is a pod, holds another vault or something else (4), or cannot be read (5).</exception>
    public static bool CheckMirror(string dir, VaultDescriptor descriptor)
    {
        if (!Directory.Exists(dir))
            return false;
        var disk = new StoreDisk(dir, null);
        if (SecretFolders.Any(name => Directory.Exists(disk.PathOf(name))))
        {
            throw new VmPodException(ExitCode.Refused, $"{dir} is a pod, not a mirror: it has secrets of its own.",
                "Name a new folder, or an earlier mirror of this pod.");
        }
        if (MirrorNotes.TryRead(disk) is { } notes)
        {
            bool isOther = notes.VaultId != descriptor.VaultId
                || (disk.ReadSmall(StoreNames.Descriptor, StoreLimits.DescriptorBytesMax) is { } json && !json.AsSpan().SequenceEqual(descriptor.Encode()));
            return !isOther ? true : throw new VmPodException(ExitCode.Refused, $"{dir} is a mirror of another vault.", "Each pod has its own mirror.");
        }
        // What a beginning leaves that was killed before its notes had their name.
        string[] begun = [StoreNames.Lock, StoreNames.Mirror + ".new"];
        string version = disk.PathOf(StoreNames.Version);
        bool isForeign = Directory.EnumerateFileSystemEntries(dir).Any(p => Path.GetFileName(p) is not (StoreNames.Version or "lost+found"))
            || (Directory.Exists(version)
                && Directory.EnumerateFileSystemEntries(version).Any(p => !begun.Contains($"{StoreNames.Version}/{Path.GetFileName(p)}")));
        if (isForeign)
            throw new VmPodException(ExitCode.Refused, $"{dir} is not empty, and no mirror.", "Name a new folder, or an earlier mirror of this pod.");
        return false;
    }

    /// <summary>Writes a piece of the pod's log behind what counts here. It counts once <see cref="TakeHead"/> has proved it.</summary>
    /// <param name="offset">Where it stands in the pod's log: at the end of what was written so far, or earlier, but not in what counts.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <exception cref="VmPodException">It stands elsewhere (5); no space (8). <see cref="StorePoisonedException"/> for any other error of the
    /// disk.</exception>
    public void WriteLogPiece(long offset, ReadOnlySpan<byte> bytes)
    {
        lock (_commitGate)
        {
            CheckMirrorWritable();
            if (offset < _state.LogBytes || offset > RandomAccess.GetLength(_log))
                throw NotOurs(offset);
            try
            {
                _disk.Write(_log, StoreNames.Log, bytes, offset);
            }
            catch (Exception e) when (StoreDisk.IsNoSpace(e))
            {
                Guard(() => _disk.Truncate(_log, StoreNames.Log, _state.LogBytes));
                throw NoSpace(e);
            }
            catch (Exception e) when (StoreDisk.IsDiskError(e))
            {
                throw Poison(e);
            }
        }
    }

    /// <summary>
    /// Makes all cells and the log up to here count, if the log proves itself: from the head of before on each head has the next number, is signed by the log
    /// key, and is over all entries before it. At any crash the mirror has the head of before or this one.
    /// </summary>
    /// <param name="logBytes">Where the log is to end: with a head.</param>
    /// <exception cref="VmPodException">What was written does not go on from what is here, is cut, or not signed: nothing of it counts (5).
    /// <see cref="StorePoisonedException"/> for an error of the disk.</exception>
    public void TakeHead(long logBytes)
    {
        lock (_commitGate)
        {
            CheckMirrorWritable();
            (StoreState next, SlotRecord? before) = _state.LogBytes == logBytes && _state.Slot is not null ? (_state, _slotBefore) : Prove(logBytes);
            long cells = FlushCells();
            if (next == _state && cells == _state.Cells)
                return;
            Guard(() =>
            {
                _disk.Truncate(_log, StoreNames.Log, logBytes);
                _disk.Sync(_log, StoreNames.Log);
            });
            _slotBefore = before;
            _state = next with { Slot = next.Slot! with { Cells = _state.Cells, FreeMap = _freed.Hash } };
            ReplaceSlots(_state.Slot! with { Cells = cells });
            _adopted.Clear();
            if (!File.Exists(_disk.PathOf(StoreNames.Descriptor)))
                Guard(() => Publish(_disk, Descriptor.Encode()));
            if (cells - _index.Covered >= IdIndex.UnsavedMax)
                Guard(() => _index.Save(cells, isExact: false));
        }
    }

    internal static CellStore OpenMirror(string dir, VaultDescriptor descriptor, IHeadAuthority authority, Action<DiskOperation>? observe)
    {
        var disk = new StoreDisk(dir, observe);
        Files? files = null;
        StoreLock? storeLock = null;
        try
        {
            bool isBegun = CheckMirror(dir, descriptor);
            disk.CreateFolder(StoreNames.Root);
            disk.CreateFolder(StoreNames.Version);
            storeLock = StoreLock.Take(disk, exclusive: true);
            if (!isBegun)
                new MirrorNotes(descriptor.VaultId).Write(disk);
            if (!File.Exists(disk.PathOf(StoreNames.Descriptor)))
            {
                // No head counts yet; the cells of an earlier try do.
                disk.Delete(StoreNames.Log);
                CellStore begun = Lay(disk, storeLock, descriptor, authority, isMirror: true);
                return begun;
            }
            files = new Files(storeLock, disk.Open(StoreNames.Log, write: true) ?? throw MissingFile(StoreNames.Log),
                disk.Open(StoreNames.Slots, write: true) ?? throw MissingFile(StoreNames.Slots));
            var recovery = Recovery.Run(disk, files.Slots, files.Log, descriptor, authority);
            if (recovery.IsNewestHeadLost)
            {
                throw new VmPodException(ExitCode.Damaged, "The newest head of the mirror is damaged: it cannot take a newer one.",
                    "Keep this folder, and make a new mirror beside it.");
            }
            var store = new CellStore(disk, StoreAccess.Write, descriptor, authority, files, recovery, isMirror: true);
            store._slotBefore = store.ReadSlotBefore();
            return store;
        }
        catch (Exception e)
        {
            files?.Log.Dispose();
            files?.Slots.Dispose();
            storeLock?.Dispose();
            if (StoreDisk.IsNoSpace(e))
                throw NoSpace(e);
            if (StoreDisk.IsDiskError(e))
                throw new StorePoisonedException(ExitCode.Damaged, e.Message, e);
            throw;
        }
    }

    private void CheckMirrorWritable()
    {
        CheckWritable();
        if (!_isMirror)
            throw new InvalidOperationException("This is no mirror.");
    }

    // Whole cells behind those that a head could name. A file that a power cut left longer than what was written ends in zeros, which no cell is.
    private void AdoptCells()
    {
        var cell = new byte[CellBytes];
        long end = _state.Cells;
        while (_segments.TryRead(end, cell) && cell.AsSpan().ContainsAnyExcept((byte)0))
        {
            _adopted.Add(CellId.Of(cell));
            end++;
        }
        _segments.CutTo(end);
        _cells = end;
    }

    private SlotRecord? ReadSlotBefore()
    {
        int place = (int)((_state.Seq + 1) % 2);
        Span<byte> bytes = stackalloc byte[StoreLimits.SlotBytes];
        return StoreDisk.Read(_slots, bytes, place * (long)StoreLimits.SlotBytes) == bytes.Length && SlotRecord.TryParse(bytes, place, out SlotRecord? slot)
            && slot!.Seq + 1 == _state.Seq ? slot : null;
    }

    // The state that the log up to here leads to, and the slot of the head before it.
    private (StoreState State, SlotRecord? Before) Prove(long logBytes)
    {
        (LogFrontier frontier, ulong seq, StoreState? newest, SlotRecord? before) = (_state.Frontier, _state.Seq, null, null);
        long end = Math.Min(logBytes, RandomAccess.GetLength(_log));
        for (long offset = _state.LogBytes; offset < logBytes;)
        {
            LogEntryHeader header = LogFile.TryReadHeader(_log, offset, end) ?? throw NotOurs(offset);
            Digest hash = LogFile.Hash(_log, header);
            if (header.Type == HeadRecord.EntryType)
            {
                HeadRecord head = ReadHead(header) is { } read && read.Seq == seq + 1 && read.Frontier.Equals(frontier) ? read : throw NotOurs(offset);
                var slot = new SlotRecord
                {
                    Seq = head.Seq,
                    LogBytes = header.Next,
                    LogEntries = frontier.Count + 1,
                    HeadOffset = offset,
                    HeadBytes = header.Bytes,
                    HeadHash = hash,
                    Cells = 0,
                };
                before = newest?.Slot ?? _state.Slot;
                newest = new StoreState(head, slot, frontier.Append(hash));
                seq = head.Seq;
            }
            frontier = frontier.Append(hash);
            offset = header.Next;
        }
        return newest is not null && newest.LogBytes == logBytes ? (newest, before) : throw NotOurs(logBytes);
    }

    private HeadRecord? ReadHead(LogEntryHeader header)
    {
        if (header.Bytes > StoreLimits.HeadBytesMax)
            return null;
        var payload = new byte[header.Bytes];
        _ = LogFile.ReadPayload(_log, header, 0, payload);
        try
        {
            HeadRecord head = HeadRecord.Parse(payload);
            return head.VaultId == Descriptor.VaultId && head.LogBytes == header.Offset
                && _authority.Verify(payload.AsSpan(0, payload.Length - HeadRecord.SignatureSize), head.Signature.Span) ? head : null;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            return null;
        }
    }

    // Both slots at once: the newest head's, and in the other place that of the head before, from which it is found again should the first be damaged.
    private void ReplaceSlots(SlotRecord slot)
    {
        var bytes = new byte[2 * StoreLimits.SlotBytes];
        slot.Encode().CopyTo(bytes, (int)(slot.Seq % 2) * StoreLimits.SlotBytes);
        if (_slotBefore is { } before && before.Seq + 1 == slot.Seq)
            (before with { Cells = slot.Cells, FreeMap = slot.FreeMap }).Encode().CopyTo(bytes, (int)(before.Seq % 2) * StoreLimits.SlotBytes);
        Guard(() => WriteSlots(_disk, bytes));
        _state = _state with { Slot = slot };
    }

    /// <summary>Puts both slots in place as one step.</summary>
    internal static void WriteSlots(StoreDisk disk, byte[] slots)
    {
        using (var file = disk.OpenOrCreate(StoreNames.SlotsDraft, out _))
        {
            disk.Truncate(file, StoreNames.SlotsDraft, 0);
            disk.Write(file, StoreNames.SlotsDraft, slots, 0);
            disk.Sync(file, StoreNames.SlotsDraft);
        }
        disk.Rename(StoreNames.SlotsDraft, StoreNames.Slots);
        disk.SyncFolder(StoreNames.Version);
    }

    private static VmPodException NotOurs(long offset) => new(ExitCode.Damaged,
        $"The log that was sent does not go on from this mirror's: at byte {offset} it is another one, cut, or not signed by the pod.",
        "Nothing of it counts. Verify the pod; if it was restored from an older copy, make a new mirror and keep this one.");
}
