using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;
using VmPod.Vault.Tables;

namespace VmPod.Vault.Sessions;

/// <summary>The commit of a lease: what it counts, what it describes, what it signs.</summary>
public sealed partial class SessionLease
{
    /// <summary>Counts what the session's head needs. Takes a time that grows with the session; call it early, on a thread of its own, or
    /// leave it to the first commit.</summary>
    public void LoadLiveCells()
    {
        if (live is not null)
            return;
        var counts = new LiveCells();
        var set = new LiveSet();
        if (Reader is not null)
        {
            if (Payloads.IsFar)
                _ = Payloads.FetchAhead([.. Reader.State.Map.Cells().Concat(Reader.State.Tags.Cells()).Distinct()], isAwaited: false, static () => true);
            foreach (PayloadRef place in Reader.State.AllPlaces())
                counts.Add(place);
            foreach (CellId id in Reader.Record.ManifestCells)
                counts.Change(id, 1);
            foreach (CellId id in counts.Difference(static _ => false).Added)
                set.Add(id);
            if (set.Root() != Reader.Record.LiveRoot)
                throw new VmPodException(ExitCode.Damaged, "The session's map does not name the cells that its signed head names.",
                    "Use an older generation or a mirror.");
            counts.Settle();
            Reader.State.Tags.Warm(WarmLeavesMax);
        }
        (live, liveSet) = (counts, set);
    }

    /// <summary>
    /// Makes what was put part of the session, durably: cells, then log, then head. With <paramref name="include"/> only the changes of
    /// some streams are taken
    /// and the rest stays pending (memory written between two checkpoints must not enter a disk-only commit).
    /// </summary>
    /// <param name="kind">What the commit is.</param>
    /// <param name="label">Why it is made.</param>
    /// <param name="streams">All streams of the session, by rising number.</param>
    /// <param name="include">Streams whose changes are taken; null for all.</param>
    /// <param name="close">Ends the lease with this commit.</param>
    /// <exception cref="VmPodException">No space (exit 8): nothing was committed, what was put is still pending.</exception>
    public CommitSummary Commit(GenerationKind kind, string label, IReadOnlyList<StreamInfo> streams, Func<uint, bool>? include = null, bool close = false)
    {
        ObjectDisposedException.ThrowIf(closed, this);
        LoadLiveCells();
        StoreWhatLostItsTarget(streams, include);
        PadCells();
        SessionState? before = Reader?.State;

        // What a run names with the zero id is the cell that is open when it was written, which is nearly always the one in which the manifest begins.
        RunWriter.Result tags = WritesTablesWhole
            ? RunWriter.Write<ChangeTag, TagValue>(null, () => Whole(before?.Tags, Sorted(pendingTags, include)), static t => t.IsZero, this)
            : RunWriter.Write(before?.Tags, () => Sorted(pendingTags, include), static t => t.IsZero, this);
        int tagsCell = batchCells.Count;
        if (packer.Room < CellPacker.PartBytesMin)
            packer.Seal();
        RunWriter.Result map = WritesTablesWhole
            ? RunWriter.Write<PayloadRef, MapValue>(null, () => Whole(before?.Map, SortedMap(include)), static p => p.IsZero, this)
            : RunWriter.Write(before?.Map, () => SortedMap(include), static p => p.IsZero, this);
        int mapCell = batchCells.Count;
        if (packer.Room < CellPacker.PartBytesMin)
            packer.Seal();
        int firstCell = batchCells.Count;
        (tags, map) = (Settle(tags, tagsCell), Settle(map, mapCell));

        var manifest = new Manifest
        {
            Number = batch,
            Kind = kind,
            Label = label,
            NextStream = Math.Max(before?.Manifest.NextStream ?? 1, streams.Count == 0 ? 1 : streams[^1].Number + 1),
            Streams = streams,
            Map = map.Runs,
            Tags = tags.Runs,
        };
        byte[] bytes = manifest.ToBytes();
        // Before anybody is told of it: a commit that nobody can read would be the session's tip.
        if (!Manifest.TryRead(bytes, out Manifest? committed))
            throw new InvalidOperationException("A manifest that was just written does not read back.");
        uint slot = (uint)packer.OpenSlots;
        ulong number = 0;
        foreach (byte[] part in bytes.Chunk(FormatLimits.ChunkBytes))
            AddMetadata(new ChunkKey(MetadataStream.Manifest, number++), part);
        packer.Seal();
        CellId[] manifestCells = [.. batchCells.Skip(firstCell)];

        List<KeyValuePair<ChunkKey, PayloadRef>> changes = Sorted(pending, include);
        try
        {
            LiveCells counts = live!;
            if (WritesTablesWhole)
                counts = CountWhole(map, tags, manifestCells);
            else
                CountLive(before, changes, map, tags, manifestCells);
            (CellId[] added, CellId[] dropped) = counts.Difference(id => liveSet!.Contains(id));
            if (WritesTablesWhole)
                dropped = [.. liveSet!.Enumerate().Where(id => !counts.Has(id))];
            LiveSet after = liveSet!.Clone();
            foreach (CellId id in added)
                after.Add(id);
            foreach (CellId id in dropped)
                after.Remove(id);

            CommitRecord record = Describe(kind, before, manifestCells, slot, (uint)bytes.Length, added, dropped, after);
            byte[] signature = new byte[SigningKey.SignatureBytes];
            signer.Sign(record.ToSignedBytes(), signature);
            (Digest hash, long offset) = home.Commit(new CommitEntry(record, signature, added, dropped), close);
            (live, liveSet) = (counts, after);
            live.Settle();
            lastGeneration = record.Generation;
            cellsSinceCommit = 0;
            Advance(new SessionState(record, hash, offset, committed!, Payloads, before), changes, include);
            BeginBatch();
            closed |= close;
            return new CommitSummary(record, added.Length, dropped.Length);
        }
        catch (Exception e)
        {
            // The counts were of a commit that did not happen. Counting anew would need the pod, which may be what was lost.
            if (e is VmPodException)
                live!.Revert();
            else
                (live, liveSet) = (null, null);
            // The next one has a number of its own: over a link this one may have been taken although nobody heard of it.
            BeginBatch();
            throw;
        }
    }

    // A chunk that waits (memory, between checkpoints) may name a page of a disk's payload that a commit has dropped since: only its own lease's cells and
    // those that live can be named (rule 25). The payload can still be read, and the chunk is stored again by itself.
    private void StoreWhatLostItsTarget(IReadOnlyList<StreamInfo> streams, Func<uint, bool>? include)
    {
        bool IsLost(PageTarget target) => target.Place.LeaseId != keys.LeaseId && !target.Place.Cells().All(id => liveSet!.Contains(id));
        List<KeyValuePair<ChunkKey, PayloadRef>> lost;
        lock (gate)
            lost = [.. pending.Where(p => p.Value.Pages is { } pages && (include is null || include(p.Key.Stream)) && pages.Targets.Any(IsLost))];
        if (lost.Count == 0)
            return;
        using var memory = new LockedMemory(FormatLimits.ChunkBytes + ChunkEncoder.OutputBytesMax);
        using var encoder = new ChunkEncoder(Effort.Thorough);
        foreach ((ChunkKey key, PayloadRef place) in lost)
        {
            if (streams.FirstOrDefault(s => s.Number == key.Stream) is not { } stream || (long)key.Chunk >= stream.ChunkCount)
                continue;
            Span<byte> chunk = memory.Slice(0, stream.ChunkLength((long)key.Chunk)), into = memory.Slice(FormatLimits.ChunkBytes, ChunkEncoder.OutputBytesMax);
            Payloads.Read(key, place, chunk);
            (Codec codec, int length) = encoder.Encode(chunk, into);
            packer.Add(key, codec, chunk.Length, into[..length]);
        }
    }

    private void CountLive(
        SessionState? before, List<KeyValuePair<ChunkKey, PayloadRef>> changes, RunWriter.Result map, RunWriter.Result tags, CellId[] manifestCells)
    {
        foreach ((ChunkKey key, PayloadRef place) in changes)
        {
            live!.Add(place);
            if (before is not null && before.Map.TryFind(key, out PayloadRef old))
                live.Remove(old);
        }
        CountRuns(new TableView<PayloadRef, MapValue>(Payloads, map.Runs, manifestCells[0]), before?.Map, map);
        CountRuns(new TableView<ChangeTag, TagValue>(Payloads, tags.Runs, manifestCells[0]), before?.Tags, tags);
        foreach (CellId id in manifestCells)
            live!.Change(id, 1);
        foreach (CellId id in before?.Record.ManifestCells ?? [])
            live!.Change(id, -1);
    }

    private void CountRuns<TValue, TFormat>(TableView<TValue, TFormat> after, TableView<TValue, TFormat>? before, RunWriter.Result result)
        where TFormat : ITableValue<TValue>
    {
        foreach (PayloadRef place in result.HasNew ? after.PlacesOf(0) : [])
            live!.Add(place);
        for (int i = 0; i < result.Merged; i++)
        {
            foreach (PayloadRef place in before!.PlacesOf(i))
                live!.Remove(place);
        }
    }

    private CommitRecord Describe(
        GenerationKind kind, SessionState? before, CellId[] manifestCells, uint slot, uint manifestBytes, CellId[] added, CellId[] dropped,
            LiveSet after) => new()
            {
                VaultId = terms.VaultId,
                Session = terms.Session,
                LeaseId = keys.LeaseId,
                Term = terms.Term,
                Number = batch,
                Kind = kind,
                Generation = kind == GenerationKind.Draft ? lastGeneration : lastGeneration + 1,
                TimeMs = home.NowMs(),
                Parent = before?.EntryHash ?? Digest.Zero,
                ParentOffset = before is null ? ulong.MaxValue : (ulong)before.EntryOffset,
                SessionOffset = terms.SessionOffset,
                LeaseOffset = terms.LeaseOffset,
                ManifestCells = manifestCells,
                ManifestSlot = slot,
                ManifestBytes = manifestBytes,
                AddedCount = (uint)added.Length,
                AddedHash = CommitRecord.HashOfIds(added),
                DroppedCount = (uint)dropped.Length,
                DroppedHash = CommitRecord.HashOfIds(dropped),
                LiveCount = (ulong)after.Count,
                LiveRoot = after.Root(),
            };

    // Readers look at pending before the state, so the state changes first.
    private void Advance(SessionState state, List<KeyValuePair<ChunkKey, PayloadRef>> changes, Func<uint, bool>? include)
    {
        if (Reader is null)
            Reader = new SessionReader(Name, terms.Session, knownKeys, Payloads, state);
        else
            Reader.Replace(state);
        lock (gate)
        {
            foreach ((ChunkKey key, PayloadRef _) in changes)
                pending.Remove(key);
        }
        foreach (ChunkKey key in pendingTags.Keys.Where(k => include is null || include(k.Stream)).ToList())
            pendingTags.Remove(key);
    }
}
