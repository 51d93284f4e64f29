using VmPod.Foundation;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.Vault.Images;

/// <summary>
/// A session's streams as byte ranges that a running machine reads and writes: committed chunks come from cells when they are asked for, writes stay in
/// locked memory until they are sealed. Nothing readable leaves this process's locked memory.
/// </summary>
/// <remarks>
/// <code>
///   write: current frame, then by Freeze (the epoch switch) frozen frame, then encoded and sealed pending cell, then by Commit generation
///   read:  current frame, else frozen, else pending or committed payload (decoded chunks are cached), else zeros
/// </code>
/// An epoch switch is atomic (rule 5): all writes that returned before it are in the epoch, none that began after it. Two locks order everything: writers
/// hold <c>epoch</c> shared and the chunk's stripe; the switch holds <c>epoch</c> alone; one thread at a time seals and commits (<c>sealing</c>).
/// A full overlay makes writers wait while it is sealed and spilled; a write never fails for want of room (rule 8).
/// </remarks>
public sealed partial class SessionImage : IDisposable
{
    private const int PageBytes = FormatLimits.PageBytes, ChunkBytes = FormatLimits.ChunkBytes, Stripes = 256;

    private readonly SessionLease lease;
    private readonly Overlay overlay;
    private readonly DecodedChunks chunks;
    private readonly EncodePipeline pipeline;
    private readonly ReaderWriterLockSlim epoch = new(LockRecursionPolicy.NoRecursion);
    private readonly Lock[] stripes = [.. Enumerable.Range(0, Stripes).Select(_ => new Lock())];
    private readonly Lock sealing = new();
    private readonly SortedDictionary<uint, StreamInfo> streams = [];
    private long bytesRead, bytesWritten, spills, leftOut;
    private volatile bool leavesOut;

    /// <summary>An image over a lease. The lease stays the caller's; while the image lives, only the image writes to it.</summary>
    /// <param name="lease">The lease.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="memory">Memory of these bounds that was locked before, the image's from now on; null to lock it now.</param>
    public SessionImage(SessionLease lease, SessionImageOptions options, ImageMemory? memory = null)
    {
        memory ??= new ImageMemory(options);
        this.lease = lease;
        foreach (StreamInfo stream in lease.Reader?.Streams ?? [])
            streams[stream.Number] = stream;
        overlay = new Overlay(memory.Overlay);
        chunks = new DecodedChunks(lease, memory.Cache, number => KindOf(number) == StreamKind.Disk, MemoryBytes, () => Notes.Seed);
        pipeline = new EncodePipeline(Effort.Fast, options.EncodeThreads);
        LockedBytes = options.OverlayBytes + options.CacheBytes;
    }

    /// <summary>Locked bytes of overlay and cache: what this image adds to VmLck, buffers of the pipeline apart.</summary>
    public long LockedBytes { get; }

    /// <summary>Bytes that were read and written so far, and how often the overlay was spilled.</summary>
    public (long Read, long Written, long Spills) Counters => (Interlocked.Read(ref bytesRead), Interlocked.Read(ref bytesWritten),
        Interlocked.Read(ref spills));

    /// <summary>The streams as they are now.</summary>
    public IReadOnlyList<StreamInfo> Streams
    {
        get
        {
            lock (streams)
                return [.. streams.Values];
        }
    }

    /// <summary>Bytes written to streams of a kind that are not sealed yet, in whole chunks.</summary>
    public long UnsealedBytes(StreamKind kind) => overlay.UsedBytes(number => KindOf(number) == kind);

    /// <summary>Finds a stream, or adds one of this length. A stream that is there gets the new length; what is beyond it becomes zero.</summary>
    public StreamInfo SetStream(string name, StreamKind kind, long length)
    {
        lock (streams)
        {
            StreamInfo? old = streams.Values.FirstOrDefault(s => s.Name == name);
            uint next = Math.Max(lease.NextStream, streams.Count == 0 ? 1 : streams.Keys.Last() + 1);
            var stream = new StreamInfo(old?.Number ?? next, kind, name, length, 0, 0);
            streams[stream.Number] = stream;
            return stream;
        }
    }

    /// <summary>Reads bytes of a stream, all of <paramref name="into"/>. May wait for cells.</summary>
    /// <exception cref="VmPodException">Damaged cells (5), link lost (7).</exception>
    public void Read(uint stream, long offset, Span<byte> into)
    {
        Interlocked.Add(ref bytesRead, into.Length);
        if (into.Length > ChunkBytes && lease.Payloads.IsFar)
            FetchTogether(stream, offset, into.Length);
        while (into.Length > 0)
        {
            int start = (int)(offset % ChunkBytes), take = Math.Min(into.Length, ChunkBytes - start);
            var key = new ChunkKey(stream, (ulong)(offset / ChunkBytes));
            lock (StripeOf(key))
                ReadInChunk(key, start, into[..take]);
            into = into[take..];
            offset += take;
        }
    }

    // The cells of several chunks are asked for together: one after the other, each would wait for the way there and back.
    private void FetchTogether(uint stream, long offset, int length)
    {
        var cells = new List<CellId>();
        for (long chunk = offset / ChunkBytes; chunk <= (offset + length - 1) / ChunkBytes; chunk++)
        {
            var key = new ChunkKey(stream, (ulong)chunk);
            if (!lease.TryFind(key, out PayloadRef place) || chunks.Has(key, place))
                continue;
            cells.AddRange((place with { Pages = null }).Cells());
            if (place.Pages is { IsDelta: false } pages)
                cells.AddRange(Enumerable.Range(0, pages.PageCount).SelectMany(page => CellsOf(place, page)));
        }
        if (cells.Count > 1)
            _ = lease.Payloads.FetchAhead([.. cells.Distinct()], isAwaited: true, static () => true);
    }

    /// <summary>Reads the cells of a chunk of a stream as it was before the writes that are not sealed yet, so that where cells are kept they are here from
    /// now on. What was written does not stand for them: it may be sealed in two parts, and the first of them needs what is beneath.</summary>
    /// <exception cref="VmPodException">As for <see cref="Read"/>.</exception>
    public void Fetch(uint stream, ulong chunk, Span<byte> scratch)
    {
        var key = new ChunkKey(stream, chunk);
        lock (StripeOf(key))
            _ = ReadCells(key, 0, scratch[..LengthOf(key)]);
    }

    /// <summary>Writes bytes of a stream. Once it returns, they are in locked memory; waits while the overlay is full.</summary>
    public void Write(uint stream, long offset, ReadOnlySpan<byte> data)
    {
        Interlocked.Add(ref bytesWritten, data.Length);
        while (data.Length > 0)
        {
            int start = (int)(offset % ChunkBytes), take = Math.Min(data.Length, ChunkBytes - start);
            var key = new ChunkKey(stream, (ulong)(offset / ChunkBytes));
            while (!TryWriteInChunk(key, start, data[..take]))
                Spill();
            data = data[take..];
            offset += take;
        }
    }

    /// <summary>
    /// Makes a range of a stream zero. Whole chunks are marked, in some hundred bytes each and only where there is something to hide, so that a discard
    /// of any length fits the overlay; the ends are written.
    /// </summary>
    public void Zero(uint stream, long offset, long length)
    {
        Span<byte> zeros = stackalloc byte[PageBytes];
        zeros.Clear();
        while (length > 0)
        {
            int start = (int)(offset % ChunkBytes);
            long take = Math.Min(length, ChunkBytes - start);
            if (take == ChunkBytes)
                ZeroChunk(new ChunkKey(stream, (ulong)(offset / ChunkBytes)));
            for (long done = take == ChunkBytes ? take : 0; done < take;)
            {
                int part = (int)Math.Min(PageBytes - (start + done) % PageBytes, take - done);
                Write(stream, offset + done, zeros[..part]);
                done += part;
            }
            offset += take;
            length -= take;
        }
    }

    /// <summary>
    /// Makes a whole stream zero: a machine's RAM before it boots cold. Chunks that cells hold are marked, frames dropped. Nobody may be using the stream.
    /// </summary>
    public void Reset(StreamInfo stream)
    {
        lock (sealing)
        {
            foreach (Frame frame in overlay.Freeze(number => number == stream.Number))
                overlay.DropFrozen(frame);
            foreach (long chunk in lease.Reader?.Chunks(stream).ToList() ?? [])
                lease.PutZero(new ChunkKey(stream.Number, (ulong)chunk));
            lease.ForgetPending(stream.Number);
            ForgetFirstUse();
        }
    }

    /// <summary>Replaces the content of a small stream (device state, configuration).</summary>
    public StreamInfo Replace(string name, StreamKind kind, ReadOnlySpan<byte> content)
    {
        StreamInfo stream = SetStream(name, kind, content.Length);
        Write(stream.Number, 0, content);
        int tail = content.Length % ChunkBytes;
        if (tail > 0)
            Zero(stream.Number, content.Length, ChunkBytes - tail);
        return stream;
    }

    /// <summary>
    /// The epoch switch and what follows: everything written before the call becomes part of the commit, nothing written after it.
    /// </summary>
    /// <param name="kind">Checkpoint: all streams. Disk-only and draft: disks and configuration; memory and state stay for the next checkpoint.</param>
    /// <param name="label">Why.</param>
    /// <param name="switched">Called once the switch is made and sealing begins: the machine may go on.</param>
    /// <param name="close">Ends the lease with this commit.</param>
    /// <param name="placeFirstUse">Of a checkpoint: what was read first after the resume goes into cells of its own (rule 14). Not at a leave, which has no
    /// time for it.</param>
    /// <exception cref="VmPodException">No space (8), the lease was ended (6). What was written is kept, and the next commit has it.</exception>
    public CommitSummary Commit(GenerationKind kind, string label, Action? switched = null, bool close = false, bool placeFirstUse = false)
    {
        Func<uint, bool> include = kind == GenerationKind.Checkpoint ? static _ => true : number =>
            KindOf(number) is not (StreamKind.Memory or StreamKind.State);
        lock (sealing)
        {
            IReadOnlyList<StreamInfo> committed;
            List<Frame> frames;
            epoch.EnterWriteLock();
            try
            {
                frames = overlay.Freeze(include);
                committed = Streams;
            }
            finally
            {
                epoch.ExitWriteLock();
            }
            switched?.Invoke();
            Seal(frames, placeFirstUse && kind == GenerationKind.Checkpoint);
            foreach (StreamInfo stream in committed.Where(s => include(s.Number)))
                ForgetBeyondEnd(stream);
            return lease.Commit(kind, label, committed, kind == GenerationKind.Checkpoint ? null : include, close);
        }
    }

    /// <summary>
    /// The last commit, when the pod is gone: chunks that were written in part and whose rest nobody has here are left out. By H-43 no FLUSH had returned
    /// for them, so the disk is as after a loss of power.
    /// </summary>
    /// <remarks>It ends the lease: the pod gives it its place when it is handed in, so nothing can follow it here.</remarks>
    /// <returns>Chunks that were left out.</returns>
    /// <exception cref="VmPodException">As for <see cref="Commit"/>; link lost (7) if even the map is not here.</exception>
    public long CommitWithoutPod(GenerationKind kind, string label)
    {
        leavesOut = true;
        _ = Commit(kind, label, close: true);
        return Interlocked.Read(ref leftOut);
    }

    /// <summary>Does early what the first commit needs, and takes a time that grows with the session.</summary>
    public void PrepareCommit()
    {
        lock (sealing)
        {
            lease.LoadLiveCells();
            chunks.Pages?.Load();
        }
    }

    /// <summary>Seals what the overlay holds into cells that no commit names yet, and frees its frames.</summary>
    public void Spill()
    {
        lock (sealing)
        {
            // Somebody else may have made room while this thread waited.
            if (overlay.FreeCount > 0)
                return;
            Interlocked.Increment(ref spills);
            List<Frame> frames;
            epoch.EnterWriteLock();
            try
            {
                frames = overlay.Freeze(static _ => true);
            }
            finally
            {
                epoch.ExitWriteLock();
            }
            Seal(frames);
        }
    }

    /// <summary>Zeroes overlay, cached chunks and opened cells. Nobody may be reading or writing. What was not committed is gone.</summary>
    public void Wipe()
    {
        // What it still reads would be cached after the wipe; freeing the memory waits for it in any case.
        _ = EndReadAhead(ReadAheadPatience);
        overlay.Clear();
        chunks.Clear();
        lease.Reader?.ClearCache();
    }

    /// <summary>Frees all memory, unless a commit is still under way after <paramref name="patience"/>: then nothing is freed under it,
    /// and this says false.</summary>
    public bool TryDispose(TimeSpan patience)
    {
        if (!EndReadAhead(patience) || !sealing.TryEnter(patience))
            return false;
        try
        {
            Dispose();
            return true;
        }
        finally
        {
            sealing.Exit();
        }
    }

    /// <summary>Zeroes and frees all memory.</summary>
    public void Dispose()
    {
        _ = EndReadAhead(Timeout.InfiniteTimeSpan);
        overlay.Dispose();
        chunks.Dispose();
        pipeline.Dispose();
        epoch.Dispose();
    }

    private Lock StripeOf(ChunkKey key) => stripes[(int)((key.Chunk + key.Stream * 97UL) % Stripes)];

    private StreamKind KindOf(uint number)
    {
        lock (streams)
            return streams.TryGetValue(number, out StreamInfo? stream) ? stream.Kind : default;
    }

    // The caller holds the stripe.
    private void ReadInChunk(ChunkKey key, int start, Span<byte> into)
    {
        (Frame? current, Frame? frozen) = overlay.Find(key);
        for (int done = 0; done < into.Length;)
        {
            int at = start + done, page = at / PageBytes, take = Math.Min(into.Length - done, PageBytes - at % PageBytes);
            Frame? frame = current?.Has(page) == true ? current : frozen?.Has(page) == true ? frozen : null;
            if (frame is not null)
            {
                if (frame.IsZero)
                    into.Slice(done, take).Clear();
                else
                    overlay.Bytes(frame).Slice(at, take).CopyTo(into[done..]);
                done += take;
                continue;
            }
            // Pages that follow and are not in a frame either come out of the chunk in one copy.
            while (done + take < into.Length && NotIn(current, (at + take) / PageBytes) && NotIn(frozen, (at + take) / PageBytes))
                take += Math.Min(into.Length - done - take, PageBytes);
            ReadBase(key, at, into.Slice(done, take));
            done += take;
        }
    }

    private static bool NotIn(Frame? frame, int page) => frame is null || !frame.Has(page);

    private void ReadBase(ChunkKey key, int start, Span<byte> into)
    {
        if (ReadCells(key, start, into) && firstUse.IsOn)
            NoteFirstUse(key, start, into);
    }

    // False for a chunk of zeros.
    private bool ReadCells(ChunkKey key, int start, Span<byte> into)
    {
        if (!lease.TryFind(key, out PayloadRef place))
        {
            into.Clear();
            return false;
        }
        chunks.Read(key, place, start, into);
        return true;
    }

    private bool TryWriteInChunk(ChunkKey key, int start, ReadOnlySpan<byte> data)
    {
        epoch.EnterReadLock();
        try
        {
            lock (StripeOf(key))
            {
                if (overlay.FindOrAdd(key) is not { } frame)
                    return false;
                Span<byte> bytes = overlay.Bytes(frame);
                for (int done = 0; done < data.Length;)
                {
                    int at = start + done, page = at / PageBytes, inPage = at % PageBytes, take = Math.Min(data.Length - done, PageBytes - inPage);
                    if (take < PageBytes && !frame.Has(page))
                        ReadInChunk(key, page * PageBytes, bytes.Slice(page * PageBytes, PageBytes));
                    data.Slice(done, take).CopyTo(bytes[at..]);
                    frame.Take(page);
                    done += take;
                }
                return true;
            }
        }
        finally
        {
            epoch.ExitReadLock();
        }
    }

    private void ZeroChunk(ChunkKey key)
    {
        epoch.EnterReadLock();
        try
        {
            lock (StripeOf(key))
            {
                if (overlay.Find(key) is not (null, null) || lease.TryFind(key, out _))
                    overlay.SetZero(key);
            }
        }
        finally
        {
            epoch.ExitReadLock();
        }
    }

    // The caller holds sealing. Frozen frames do not change, so they are read without their stripe.
    private void Seal(List<Frame> frames, bool placeFirstUse = false)
    {
        FirstUsePlacement? placement = placeFirstUse && firstUsePages is not null && !lease.StoresAlone ? new FirstUsePlacement(this, firstUsePages) : null;
        if (frames.Count == 0 && !placeFirstUse)
            return;
        try
        {
            FetchOldAhead(frames);
            // Mostly it was done before (PrepareCommit).
            if (frames.Any(f => KindOf(f.Key.Stream) == StreamKind.Memory))
                chunks.Pages?.Load();
            placement?.Store(frames.ToDictionary(f => f.Key));
            // Disks first: what stands there once it is sealed need not be stored again as memory. Chunks that name pages stored above come last: then those
            // are in sealed cells, mostly without a cell sealed for it. In order, so that neighbours share a frame.
            frames = [.. frames.OrderBy(f => KindOf(f.Key.Stream) == StreamKind.Memory).ThenBy(f => f.Key)];
            Run(frames.Where(f => placement?.Has(f.Key) != true).Select(f => new Sealed(f.Key, f, null)));
            if (placement is not null)
                Run(placement.Chunks());
            if (placeFirstUse)
                StoreNotes();
            lease.SealBatch();
        }
        catch
        {
            // The next try puts these chunks again: their payloads need births of their own.
            lease.EndBatch();
            epoch.EnterWriteLock();
            try
            {
                overlay.Thaw();
            }
            finally
            {
                epoch.ExitWriteLock();
            }
            throw;
        }
        foreach (Frame frame in frames)
        {
            lock (StripeOf(frame.Key))
                overlay.DropFrozen(frame);
        }
    }

    // What chunks were before is looked at when they are sealed, by a few threads: over a long way one after the other takes longer than all at once.
    private void FetchOldAhead(List<Frame> frames)
    {
        if (!lease.Payloads.IsFar || lease.StoresAlone)
            return;
        var cells = new HashSet<CellId>();
        foreach (Frame frame in frames)
        {
            if (!frame.IsZero && lease.Newest(frame.Key) is { IsZero: false } old)
                cells.UnionWith(old.Cells());
        }
        _ = lease.Payloads.FetchAhead([.. cells], isAwaited: true, static () => true);
    }

    private void Run(IEnumerable<Sealed> chunksToSeal)
    {
        using IEnumerator<Sealed[]> batches = chunksToSeal.Chunk(BatchOutput.ChunksMax).GetEnumerator();
        pipeline.Run(batches.Next, Encode, Complete, CancellationToken.None);
    }

    private void Encode(Sealed[] batch, Worker worker, BatchOutput output)
    {
        Span<byte> chunk = worker.Plaintext.Slice(0, ChunkBytes);
        foreach (Sealed item in batch)
        {
            if (item.Frame is { IsZero: true })
            {
                output.Take(item.Key, default, LengthOf(item.Key), 0, default);
                continue;
            }
            Span<byte> bytes = chunk;
            if (item.Written != Frame.AllPages && !TryReadRest(item, chunk))
                continue;
            for (int page = 0; page < ChunkBytes / PageBytes; page++)
            {
                if (item.Frame?.Has(page) == true)
                    overlay.Bytes(item.Frame).Slice(page * PageBytes, PageBytes).CopyTo(bytes[(page * PageBytes)..]);
            }
            bytes = bytes[..LengthOf(item.Key)];
            if (bytes.IndexOfAnyExcept((byte)0) < 0)
            {
                output.Take(item.Key, default, bytes.Length, 0, default);
                continue;
            }
            // Alone: nor does it show that a guest wrote what was there.
            if (item.Placed is null && !lease.StoresAlone && !lease.IsPending(item.Key) && lease.IsUnchanged(item.Key, bytes))
                continue;
            EncodeChunk(item, bytes, worker, output);
        }
        worker.Flush(output);
    }

    private void EncodeChunk(in Sealed item, ReadOnlySpan<byte> bytes, Worker worker, BatchOutput output)
    {
        StreamKind kind = KindOf(item.Key.Stream);
        PayloadRef old = lease.Newest(item.Key);
        if (kind is not (StreamKind.Disk or StreamKind.Memory))
        {
            (Codec codec, int length, PageTable? pages) = worker.Encoder.EncodeDelta(item.Key, bytes, lease.Payloads, old, output.Room);
            output.Take(item.Key, codec, bytes.Length, length, lease.TagOf(bytes), pages);
            return;
        }
        ushort clean = old.IsZero ? (ushort)0 : (ushort)(Frame.AllPages ^ item.Written);
        worker.Encode(item.Key, bytes, new PageEncoder.Context(lease.Payloads, old, clean, chunks.Pages,
            kind == StreamKind.Memory || item.Placed is not null ? PageTable.PagesMax : SnapshotWriter.DiskTargetsMax, item.Placed)
        { IsAlone = lease.StoresAlone }, lease.TagOf(bytes), output);
        if (kind == StreamKind.Disk)
            chunks.Pages?.Add(item.Key, bytes);
    }

    private long MemoryBytes()
    {
        lock (streams)
            return streams.Values.Where(s => s.Kind == StreamKind.Memory).Sum(s => s.Length);
    }

    // What a chunk was before, of the pages that were not written. False if it cannot be had and the chunk is left as it was.
    private bool TryReadRest(in Sealed item, Span<byte> chunk)
    {
        try
        {
            for (int page = 0, end; page < PageTable.PagesMax; page = end + 1)
            {
                for (end = page; end < PageTable.PagesMax && (item.Written >> end & 1) == 0;)
                    end++;
                if (end > page)
                    _ = ReadCells(item.Key, page * PageBytes, chunk[(page * PageBytes)..(end * PageBytes)]);
            }
            return true;
        }
        catch (VmPodException e) when (leavesOut && e.ExitCode == ExitCode.LinkLost)
        {
            Interlocked.Increment(ref leftOut);
            return false;
        }
        catch (VmPodException e) when (item.Frame is null && e.ExitCode == ExitCode.Damaged)
        {
            // Nothing of it changed, so nothing need be stored.
            return false;
        }
    }

    private void Complete(Sealed[] batch, BatchOutput output) => lease.Put(output);

    private bool IsInStream(ChunkKey key)
    {
        lock (streams)
            return streams.TryGetValue(key.Stream, out StreamInfo? stream) && (long)key.Chunk < stream.ChunkCount;
    }

    // The last chunk of a stream ends where the stream does.
    private int LengthOf(ChunkKey key)
    {
        lock (streams)
            return streams.TryGetValue(key.Stream, out StreamInfo? stream) && (long)key.Chunk < stream.ChunkCount
                ? stream.ChunkLength((long)key.Chunk) : ChunkBytes;
    }

    private void ForgetBeyondEnd(StreamInfo stream)
    {
        if (lease.Reader?.Streams.FirstOrDefault(s => s.Number == stream.Number) is not { } before || before.ChunkCount <= stream.ChunkCount)
            return;
        for (long chunk = stream.ChunkCount; chunk < before.ChunkCount; chunk++)
            lease.PutZero(new ChunkKey(stream.Number, (ulong)chunk));
    }

    // A chunk that is to be sealed: written to, or (no frame) as it was and with pages that stand elsewhere now.
    private readonly record struct Sealed(ChunkKey Key, Frame? Frame, (PageTarget Target, int Page)[]? Placed)
    {
        public ushort Written => Frame?.Valid ?? 0;
    }
}
