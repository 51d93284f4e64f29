using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>Committing.</summary>
public sealed partial class CellStore
{
    /// <summary>
    /// Commits, as one step, all cells appended before the call, these entries, and a new head: at any crash the vault has all of it or
    /// none. Once this returns, it is durable.
    /// </summary>
    /// <param name="entries">Entries for the log, in order; may be none. Type 1 is the store's own.</param>
    /// <param name="head">Gives the new head's content, knowing where the entries will stand. Called before anything is written; if it
    /// throws, nothing has changed. Must not call the store.</param>
    /// <returns>Where the entries stand, and the head.</returns>
    /// <exception cref="Foundation.VmPodException">NoSpace: nothing was committed, the appended cells are still there uncommitted, the
    /// store goes on. <see cref="StorePoisonedException"/> for any other error: close and reopen to learn whether the old or the new head
    /// counts.</exception>
    public CommitResult Commit(IReadOnlyList<PendingEntry> entries, Func<CommitContext, HeadDraft> head)
    {
        lock (_commitGate)
        {
            CheckWritable();
            return CommitNow(entries, head, _ => _freed.Hash);
        }
    }

    // The map of freed positions is asked for, by the hash of the head, before anything of the commit is written.
    private CommitResult CommitNow(IReadOnlyList<PendingEntry> entries, Func<CommitContext, HeadDraft> head, Func<Digest, Digest> freeMap)
    {
        var state = _state;
        var places = Place(state, entries);
        var (payload, record) = BuildHead(state, places, head);
        var headPlace = new EntryPlace(record.LogBytes, record.Frontier.Count, HeadRecord.EntryType, payload.Length,
            DomainHash.OfEntry(HeadRecord.EntryType, payload));
        var freed = freeMap(headPlace.Hash);
        // Synced before anything of the commit is written, and before more is asked of the disk: V-60, first step.
        long cells = FlushCells();
        AppendLog(state, entries.Append(new PendingEntry(HeadRecord.EntryType, payload)));
        var slot = new SlotRecord
        {
            Seq = record.Seq,
            LogBytes = headPlace.Offset + StoreLimits.EntryHeaderBytes + payload.Length,
            LogEntries = headPlace.Index + 1,
            HeadOffset = headPlace.Offset,
            HeadBytes = payload.Length,
            HeadHash = headPlace.Hash,
            Cells = cells,
            FreeMap = freed,
        };
        Guard(() => WriteSlot(slot));
        _state = new StoreState(record, slot, record.Frontier.Append(headPlace.Hash));
        if (cells - _index.Covered >= IdIndex.UnsavedMax)
            Guard(() => _index.Save(cells, isExact: false));
        return new CommitResult(places, record, headPlace);
    }

    private static EntryPlace[] Place(StoreState state, IReadOnlyList<PendingEntry> entries)
    {
        var places = new EntryPlace[entries.Count];
        long offset = state.LogBytes;
        for (int i = 0; i < places.Length; i++)
        {
            var entry = entries[i];
            if (entry.Type == HeadRecord.EntryType || entry.Payload.Length > StoreLimits.EntryBytesMax)
                throw new ArgumentException("An entry is not of type 1 and is within the bound of an entry.", nameof(entries));
            places[i] = new EntryPlace(offset, state.Frontier.Count + i, entry.Type, entry.Payload.Length,
                DomainHash.OfEntry(entry.Type, entry.Payload.Span));
            offset += StoreLimits.EntryHeaderBytes + entry.Payload.Length;
        }
        return places;
    }

    private (byte[] Payload, HeadRecord Record) BuildHead(StoreState state, EntryPlace[] places, Func<CommitContext, HeadDraft> build)
    {
        var draft = build(new CommitContext(state.Head, state.Seq + 1, places));
        var frontier = places.Aggregate(state.Frontier, (tree, place) => tree.Append(place.Hash));
        var record = new HeadRecord
        {
            VaultId = Descriptor.VaultId,
            Seq = state.Seq + 1,
            NvCounter = draft.NvCounter,
            TimeMs = draft.TimeMs,
            Frontier = frontier,
            LogBytes = state.LogBytes + places.Sum(place => (long)StoreLimits.EntryHeaderBytes + place.Bytes),
            Sessions = [.. draft.Sessions.OrderBy(row => row.Handle)],
        };
        var message = record.EncodeUnsigned();
        var payload = new byte[message.Length + HeadRecord.SignatureSize];
        message.CopyTo(payload, 0);
        var signature = payload.AsMemory(message.Length);
        _authority.Sign(message, signature.Span);
        return (payload, record with { Signature = signature });
    }

    private void AppendLog(StoreState state, IEnumerable<PendingEntry> entries)
    {
        try
        {
            LogFile.Append(_disk, _log, state.LogBytes, entries);
        }
        catch (Exception e) when (StoreDisk.IsNoSpace(e))
        {
            Guard(() => _disk.Truncate(_log, StoreNames.Log, state.LogBytes));
            throw NoSpace(e);
        }
        catch (Exception e) when (StoreDisk.IsDiskError(e))
        {
            throw Poison(e);
        }
        Guard(() => _disk.Sync(_log, StoreNames.Log));
    }

    private void WriteSlot(SlotRecord slot)
    {
        _disk.Write(_slots, StoreNames.Slots, slot.Encode(), (long)(slot.Seq % 2) * StoreLimits.SlotBytes);
        _disk.Sync(_slots, StoreNames.Slots);
    }
}
