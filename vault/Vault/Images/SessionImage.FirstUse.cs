using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Images;

/// <content>
/// What a machine reads first after a resume: noted while it reads, kept with the session, read ahead at the next resume (rule 14, SPEC V-150 to V-152).
/// <code>
///   resume: StartReadAhead (the list of the visit before) | RecordFirstUse ... EndFirstUse -> next checkpoint: pages into cells of their own, list
/// </code>
/// </content>
public sealed partial class SessionImage
{
    // What opens and decodes cells while others come: the cores of a small host.
    private const int ReadAheadThreads = 4;

    // Of a cell that is under way: those who lost their pod are told so before.
    private static readonly TimeSpan ReadAheadPatience = TimeSpan.FromSeconds(1);

    private static readonly ChunkKey NotesKey = new(InternalStream.Notes, 0);

    private readonly FirstUseRecorder firstUse = new();
    private readonly Lock notesGate = new();
    private SessionNotes? notes;
    private Thread? readAhead;
    private volatile bool readAheadEnds;
    private int readAheadPages;
    private IReadOnlyList<StreamPage>? firstUsePages;

    /// <summary>From now on the pages that are read out of cells are noted, in order, up to a bound.</summary>
    public void RecordFirstUse() => firstUse.Start();

    /// <summary>Pages noted so far.</summary>
    public int FirstUseCount => firstUse.Count;

    /// <summary>Ends that: the next checkpoint that is told to places these pages. Says how many there are, and in how many cells they stand now.</summary>
    /// <exception cref="VmPodException">Damaged cells (5), link lost (7).</exception>
    public (int Pages, int Cells) EndFirstUse()
    {
        if (firstUse.End() is not { } pages)
            return (0, 0);
        lock (sealing)
        {
            firstUsePages = pages;
            var cells = new HashSet<CellId>();
            foreach (StreamPage page in pages)
            {
                if (lease.TryFind(page.Chunk, out PayloadRef place))
                    cells.UnionWith(CellsOf(place, page.InChunk));
            }
            return (pages.Count, cells.Count);
        }
    }

    /// <summary>
    /// A checkpoint of the same content as the one that the lease began from, with the pages that <see cref="EndFirstUse"/> found in cells of their own and
    /// with their list; it ends the lease. What was written is left out. Null, and the lease goes on, if no page was found that is read first.
    /// </summary>
    /// <exception cref="VmPodException">As for <see cref="Commit"/>.</exception>
    public CommitSummary? CommitFirstUse(string label)
    {
        lock (sealing)
        {
            if (firstUsePages is not { Count: > 0 } || lease.StoresAlone)
                return null;
            // What was spilled for want of room is the machine's as well.
            lease.Discard();
            Seal([], placeFirstUse: true);
            return lease.Commit(GenerationKind.Checkpoint, label, lease.Reader!.Streams, include: null, close: true);
        }
    }

    /// <summary>
    /// Reads what the visit before read first, in that order, into the cache of decoded chunks, on threads of its own. What cannot be read is passed over:
    /// who needs it hears of it then.
    /// </summary>
    public void StartReadAhead()
    {
        readAhead = new Thread(() =>
        {
            lease.FetchMapAhead(() => !readAheadEnds);
            IReadOnlyList<StreamPage> list = Notes.FirstUse;
            readAheadPages = list.Count;
            // Until this visit has a list of its own: what changed of the pages on it is placed anew.
            _ = Interlocked.CompareExchange(ref firstUsePages, list.Count == 0 ? null : list, null);
            if (list.Count > 0)
                ReadAhead(list);
        })
        { IsBackground = true, Name = "read-ahead" };
        readAhead.Start();
    }

    /// <summary>Waits until all of the list was read, or passed over. Returns the pages on it.</summary>
    public int WaitForReadAhead()
    {
        readAhead?.Join();
        return readAheadPages;
    }

    /// <summary>Fetches what is not here yet of the session, after what is read ahead, and behind all that the machine waits for.</summary>
    /// <param name="goesOn">Asked now and then; false ends it.</param>
    /// <returns>Cells that are not here: 0 once the session is whole on this side.</returns>
    /// <exception cref="VmPodException">Damaged cells (5), link lost (7).</exception>
    public int FetchAll(Func<bool> goesOn)
    {
        _ = WaitForReadAhead();
        return lease.FetchAllAhead(goesOn);
    }

    private void ReadAhead(IReadOnlyList<StreamPage> list)
    {
        int next = -1;
        var seen = new HashSet<(ChunkKey, ulong, ulong)>();

        // Each payload once, and no more of them than leave the cache to those that the machine asks for.
        bool IsNew(in PageTarget payload)
        {
            lock (seen)
                return seen.Count < chunks.SlotCount / 2 && seen.Add((payload.Key, payload.Place.LeaseId, payload.Place.Commit));
        }

        void Read()
        {
            using var memory = new LockedMemory(PageBytes);
            while (!readAheadEnds && Interlocked.Increment(ref next) is var i && i < list.Count)
            {
                (ChunkKey key, int page) = (list[i].Chunk, list[i].InChunk);
                try
                {
                    if (lease.TryFind(key, out PayloadRef place) && IsNew(place.Pages?.KindOf(page) == PageKind.Reference
                        ? place.Pages.ReferenceOf(page).Target : new PageTarget(key, place)))
                        chunks.Read(key, place, page * PageBytes, memory.Slice(0, PageBytes));
                }
                catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
                {
                    return;
                }
                catch (Exception e) when (e is VmPodException or IOException)
                {
                    // Damaged: the machine may never ask for it, and hears of it if it does.
                }
            }
        }

        void Fetch()
        {
            try
            {
                IEnumerable<CellId> cells = list.SelectMany(p => lease.TryFind(p.Chunk, out PayloadRef place) ? CellsOf(place, p.InChunk) : []);
                _ = lease.Payloads.FetchAhead([.. cells.Distinct()], isAwaited: false, () => !readAheadEnds);
            }
            catch (Exception e) when (e is VmPodException or IOException)
            {
                // As for Read: who needs it hears of it.
            }
        }

        // Sealed cells first, far more of them under way than are opened at a time.
        Thread? fetching = lease.Payloads.IsFar ? new Thread(Fetch) { IsBackground = true, Name = "fetch-ahead" } : null;
        fetching?.Start();
        Thread[] others = [.. Enumerable.Range(1, ReadAheadThreads - 1).Select(i => new Thread(Read) { IsBackground = true, Name = $"read-ahead-{i}" })];
        foreach (Thread thread in others)
            thread.Start();
        Read();
        foreach (Thread thread in others)
            thread.Join();
        fetching?.Join();
    }

    private bool EndReadAhead(TimeSpan patience)
    {
        readAheadEnds = true;
        return readAhead?.Join(patience) ?? true;
    }

    // As the visit before left them. Hints: what cannot be read is none.
    private SessionNotes Notes
    {
        get
        {
            lock (notesGate)
                return notes ??= ReadNotes() ?? new SessionNotes(PageIndex.NewSeed(), []);
        }
    }

    private SessionNotes? ReadNotes()
    {
        try
        {
            if (!lease.TryFind(NotesKey, out PayloadRef place))
                return null;
            using var chunk = new LockedMemory(ChunkBytes);
            Span<byte> bytes = chunk.Slice(0, ChunkBytes);
            return SessionNotes.TryRead(bytes[..lease.Payloads.ReadUpTo(NotesKey, place, bytes)]);
        }
        catch (VmPodException)
        {
            return null;
        }
    }

    // The list, and what the page index learned, for the next host. The caller holds sealing.
    private void StoreNotes()
    {
        using var memory = new LockedMemory(ChunkBytes + ChunkEncoder.OutputBytesMax);
        using var encoder = new ChunkEncoder(Effort.Fast);
        Span<byte> into = memory.Slice(ChunkBytes, ChunkEncoder.OutputBytesMax);
        byte[] bytes = new SessionNotes(Notes.Seed, firstUsePages ?? []).ToBytes();
        if (lease.IsPending(NotesKey) || !lease.IsUnchanged(NotesKey, bytes))
        {
            (Codec codec, int length) = encoder.Encode(bytes, into);
            lease.Put(NotesKey, codec, bytes.Length, into[..length], lease.TagOf(bytes));
        }
        chunks.Pages?.Store(memory.Slice(0, ChunkBytes), encoder, into);
    }

    // A machine that boots reads other pages, in another order. The caller holds sealing.
    private void ForgetFirstUse()
    {
        lock (notesGate)
            notes = Notes with { FirstUse = [] };
        firstUsePages = null;
        if (lease.TryFind(NotesKey, out _))
            lease.PutZero(NotesKey);
    }

    private void NoteFirstUse(ChunkKey key, int start, ReadOnlySpan<byte> bytes)
    {
        if (KindOf(key.Stream) is not (StreamKind.Disk or StreamKind.Memory))
            return;
        while (bytes.Length > 0)
        {
            int take = Math.Min(bytes.Length, PageBytes - start % PageBytes);
            if (bytes[..take].ContainsAnyExcept((byte)0))
                firstUse.Note(new StreamPage(key.Stream, key.Chunk * PageTable.PagesMax + (ulong)(start / PageBytes)));
            bytes = bytes[take..];
            start += take;
        }
    }

    private static IEnumerable<CellId> CellsOf(PayloadRef place, int page)
    {
        PageKind? kind = place.Pages?.KindOf(page);
        IEnumerable<CellId> own = kind == PageKind.Reference ? [] : (place with { Pages = null }).Cells();
        return kind is PageKind.Reference or PageKind.Difference ? own.Concat(place.Pages!.ReferenceOf(page).Target.Place.Cells()) : own;
    }

    // The pages of one list, on their way into cells of their own. The caller holds sealing.
    private sealed class FirstUsePlacement(SessionImage image, IReadOnlyList<StreamPage> list)
    {
        private readonly Dictionary<ChunkKey, (int Payload, int Page)?[]> placed = [];
        private Dictionary<ChunkKey, Frame> written = [];

        // True for a chunk that names a page which was stored here.
        public bool Has(ChunkKey key) => placed.ContainsKey(key);

        // Stores the pages that are new on the list or changed; the others stay where they are.
        public void Store(Dictionary<ChunkKey, Frame> frames)
        {
            written = frames;
            using var memory = new LockedMemory(ChunkBytes + ChunkEncoder.OutputBytesMax);
            using var encoder = new ChunkEncoder(Effort.Fast);
            Span<byte> joined = memory.Slice(0, ChunkBytes), into = memory.Slice(ChunkBytes, ChunkEncoder.OutputBytesMax);
            var waiting = new List<StreamPage>();
            void Flush(Span<byte> pages, Span<byte> output)
            {
                (Codec codec, int length) = encoder.Encode(pages, output);
                int number = image.lease.PutFirstUse(codec, pages.Length, output[..length]);
                for (int i = 0; i < waiting.Count; i++)
                {
                    if (!placed.TryGetValue(waiting[i].Chunk, out (int, int)?[]? of))
                        placed[waiting[i].Chunk] = of = new (int, int)?[PageTable.PagesMax];
                    of[waiting[i].InChunk] = (number, i);
                }
                waiting.Clear();
            }

            foreach (StreamPage page in list)
            {
                if (!TryTake(page, joined.Slice(waiting.Count * PageBytes, PageBytes)))
                    continue;
                waiting.Add(page);
                if (waiting.Count == PageTable.PagesMax)
                    Flush(joined, into);
            }
            if (waiting.Count > 0)
                Flush(joined[..(waiting.Count * PageBytes)], into);
        }

        // The chunks that name them, each with where its pages are.
        public List<Sealed> Chunks()
        {
            image.lease.SealFirstUse();
            return [.. placed.OrderBy(p => p.Key).Select(p => new Sealed(p.Key, written.GetValueOrDefault(p.Key),
                [.. p.Value.Select(at => at is { } there ? (image.lease.FirstUseTarget(there.Payload), there.Page) : default)]))];
        }

        // The page as this commit has it. False if there is nothing to store.
        private bool TryTake(StreamPage page, Span<byte> into)
        {
            ChunkKey key = page.Chunk;
            if (image.LengthOf(key) is var length && (length % PageBytes != 0 || page.InChunk * PageBytes >= length) || !image.IsInStream(key))
                return false;
            bool isWritten = written.TryGetValue(key, out Frame? frame) && frame.Has(page.InChunk);
            try
            {
                bool isThere = OldVersion.Of(key, image.lease.Newest(key)).TryPlain(page.InChunk, out (PageTarget Target, int Page) old)
                    && old.Target.Key.Stream == InternalStream.FirstUsePages;
                if (!isWritten)
                    return !isThere && image.ReadCells(key, page.InChunk * PageBytes, into) && into.ContainsAnyExcept((byte)0);
                if (frame!.IsZero)
                    return false;
                image.overlay.Bytes(frame).Slice(page.InChunk * PageBytes, PageBytes).CopyTo(into);
                return into.ContainsAnyExcept((byte)0) && !(isThere && image.chunks.IsPage(old.Target, old.Page, into));
            }
            catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
            {
                return false;
            }
        }
    }
}
