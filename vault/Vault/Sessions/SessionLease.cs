using System.Runtime.InteropServices;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;
using VmPod.Vault.Tables;

namespace VmPod.Vault.Sessions;

/// <summary>
/// The right to write to a session, for one host's stay: payloads go into cells as they come; a commit makes them part of the session.
/// </summary>
/// <remarks>
/// <code>
///   begin -> { put... -> [seal batch] } -> commit -> ... -> close
///                     `-> discard: what was put since the last commit is gone
/// </code>
/// Writing is one thread's; <see cref="TryFind"/> may be called by any thread at any time, and sees what is sealed but not committed.
/// </remarks>
public sealed partial class SessionLease : IDisposable, IMetadataSink
{
    // 4 MiB of tags: more than a commit merges of them, unless it changes hundreds of MiB.
    private const int WarmLeavesMax = 256;

    // 1 MiB of the usual cells, under a second of a slow link: the maps of a few GiB of chunks.
    private const int MapCellsAheadMax = 16;

    private readonly ILeaseHome home;
    private readonly LeaseTerms terms;
    private readonly ILeaseKeySource knownKeys;
    private readonly SigningKey signer;
    private readonly LeaseKeys keys;
    private readonly CellPacker packer;
    private readonly Lock gate = new();
    private readonly Dictionary<ChunkKey, PayloadRef> pending = [];
    private readonly Dictionary<ChunkKey, ChangeTag> pendingTags = [];
    private readonly List<PayloadRef> metadataPlaces = [];
    private readonly List<CellId> batchCells = [];
    private ulong metadataNumber;
    private ulong batch;
    private LiveCells? live;
    private LiveSet? liveSet;
    private ulong lastGeneration;
    private bool closed, disposed, keysDropped;

    internal SessionLease(LeaseStart start)
    {
        home = start.Home;
        terms = start.Terms;
        signer = start.Signer;
        keys = start.Keys;
        knownKeys = start.KnownKeys;
        Name = start.Name;
        Payloads = start.Payloads;
        lastGeneration = terms.LastGeneration;
        Reader = start.Base is null ? null : new SessionReader(Name, terms.Session, knownKeys, Payloads, start.Base);
        batch = terms.LastNumber;
        packer = new CellPacker(keys, terms.Session, home.CellBytes, Append) { Placed = OnPlaced };
        BeginBatch();
    }

    /// <summary>A lease that a pod granted to this host: reads cells with keys that the pod releases one by one.</summary>
    /// <param name="name">The session's name.</param>
    /// <param name="terms">The lease, as the pod described it.</param>
    /// <param name="leaseKey">K_lease; stays the caller's.</param>
    /// <param name="signer">The key whose public half the pod certified; the lease owns it.</param>
    /// <param name="home">Where cells and commits go; the lease owns it.</param>
    /// <param name="cells">Where cells and their keys come from.</param>
    /// <param name="start">The commit to go on from; null for a new session.</param>
    /// <param name="ownerPublicKey">The owner's key, known from the pairing: what the commit is checked against.</param>
    /// <param name="leaseId">The lease's id: only one suite's keys have it.</param>
    /// <exception cref="VmPodException">The commit is not the owner's, or damaged; the key is another lease's (5); link lost (7).</exception>
    public static SessionLease Open(string name, LeaseTerms terms, SecretBuffer leaseKey, SigningKey signer, ILeaseHome home, IReleasedCellSource cells,
        BaseCommit? start, ReadOnlySpan<byte> ownerPublicKey, ulong leaseId)
    {
        // A session does not get so far; the pod would have this host count beyond what there is.
        if (terms.LastNumber > long.MaxValue || terms.LastGeneration > long.MaxValue)
            throw new VmPodException(ExitCode.Damaged, "The pod numbers the session's commits as no pod can.", "Verify the pod: podkeeper verify DIR.");
        LeaseKeys keys = LeaseKeys.DeriveFor(leaseKey, terms.VaultId, leaseId)
            ?? throw new VmPodException(ExitCode.Damaged, "The pod's lease and its key do not fit.", "podkeeper verify DIR on the pod.");
        var payloads = new PayloadReader(new ReleasedCellOpener(cells, keys), terms.Session, PodVault.CachedCells);
        try
        {
            if (start is not null && start.Record.Session != terms.Session)
                throw new VmPodException(ExitCode.Damaged, "The pod sent a commit of another session.", "Verify the pod: podkeeper verify DIR.");
            SessionState? state = start is null ? null : SessionState.Open(start, ownerPublicKey, terms.VaultId, payloads);
            return new SessionLease(new LeaseStart(name, terms, home, signer, keys, new OwnLeaseKeys(keys), payloads, state));
        }
        catch
        {
            payloads.Dispose();
            keys.Dispose();
            throw;
        }
    }

    /// <summary>The session's name.</summary>
    public string Name { get; }

    /// <summary>The session.</summary>
    public SessionHandle Session => terms.Session;

    /// <summary>The lease's id.</summary>
    public ulong LeaseId => keys.LeaseId;

    /// <summary>The lease's term.</summary>
    public ulong Term => terms.Term;

    /// <summary>The session as the last commit left it. Null before the first commit of a new session.</summary>
    public SessionReader? Reader { get; private set; }

    /// <summary>Bytes of cells appended under this lease.</summary>
    public long BytesAppended { get; private set; }

    /// <summary>Bytes of plaintext in those cells that are not padding.</summary>
    public long BytesUsed => packer.UsedBytes;

    /// <summary>Bytes of every cell.</summary>
    public int CellBytes => home.CellBytes;

    /// <inheritdoc cref="ILeaseHome.IsFar"/>
    internal bool IsFar => home.IsFar;

    /// <summary>The number for the session's next new stream.</summary>
    public uint NextStream => Reader?.State.Manifest.NextStream ?? 1;

    internal PayloadReader Payloads { get; }

    /// <summary>Fetches all cells that the session's head needs, behind everything that somebody waits for. Only where cells are far.</summary>
    /// <returns>How many of them are not here: 0 once the session is whole on this side.</returns>
    internal int FetchAllAhead(Func<bool> goesOn)
    {
        if (!Payloads.IsFar || Reader is null)
            return 0;
        // The map first: it says what else there is.
        SessionState head = Reader.State;
        _ = Payloads.FetchAhead([.. head.Map.Cells().Concat(head.Tags.Cells()).Distinct()], isAwaited: false, goesOn);
        return Payloads.FetchAhead([.. head.AllPlaces().SelectMany(p => p.Cells()).Concat(head.Record.ManifestCells).Distinct()], isAwaited: false, goesOn);
    }

    /// <summary>Fetches the cells that the map's leaves stand in, some of a large one's, so that looking chunks up waits for none of them. Only where
    /// cells are far. It throws nothing.</summary>
    internal void FetchMapAhead(Func<bool> goesOn)
    {
        if (!Payloads.IsFar || Reader is null)
            return;
        try
        {
            _ = Payloads.FetchAhead([.. Reader.State.Map.Cells().Take(MapCellsAheadMax)], isAwaited: true, goesOn);
        }
        catch (Exception e) when (e is VmPodException or IOException)
        {
            // Who looks a chunk up hears of it.
        }
    }

    /// <summary>The change tag of a chunk under this lease.</summary>
    public ChangeTag TagOf(ReadOnlySpan<byte> chunk) => new(keys.LeaseId, keys.ChangeTagOf(chunk));

    /// <summary>True if the chunk's bytes are those that the session has there already, by the tag kept with it (rule 32).</summary>
    /// <remarks>Where the tag cannot be had because the pod is gone, the chunk counts as changed.</remarks>
    public bool IsUnchanged(ChunkKey key, ReadOnlySpan<byte> chunk)
    {
        try
        {
            return Reader is not null && Reader.State.Tags.TryFind(key, out ChangeTag tag) && !tag.IsZero
                && knownKeys.Find(tag.LeaseId) is { } tagKeys && tagKeys.ChangeTagOf(chunk) == tag.Value;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            return false;
        }
    }

    /// <summary>The payload of a chunk now: sealed under this lease, or committed. False if the chunk is zero.</summary>
    internal bool TryFind(ChunkKey key, out PayloadRef place)
    {
        lock (gate)
        {
            if (pending.TryGetValue(key, out place))
                return !place.IsZero;
        }
        return Reader is not null && Reader.State.Map.TryFind(key, out place) && !place.IsZero;
    }

    /// <summary>The chunk's payload now, as <see cref="TryFind"/> has it, for what may be stored as a difference from it; zero for none, where the map
    /// cannot be had because the pod is gone, and where chunks are stored alone.</summary>
    internal PayloadRef Newest(ChunkKey key)
    {
        try
        {
            return !StoresAlone && TryFind(key, out PayloadRef place) ? place : default;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            return default;
        }
    }

    /// <summary>True if a payload was born in the batch that is being written.</summary>
    internal bool IsOfThisBatch(in PayloadRef place) => place.LeaseId == keys.LeaseId && place.Commit == batch;

    /// <summary>True if the chunk was put, or made zero, since the last commit that took its stream.</summary>
    internal bool IsPending(ChunkKey key)
    {
        lock (gate)
            return pending.ContainsKey(key);
    }

    /// <summary>Makes all chunks of a stream zero that were put since the last commit.</summary>
    internal void ForgetPending(uint stream)
    {
        lock (gate)
        {
            foreach (ChunkKey key in pending.Keys.Where(k => k.Stream == stream).ToList())
                pending[key] = PayloadRef.Zero;
        }
        foreach (ChunkKey key in pendingTags.Keys.Where(k => k.Stream == stream).ToList())
            pendingTags[key] = default;
    }

    /// <summary>Puts encoded chunks, each once in a batch: else two payloads had one birth name. They can be read once their cells are sealed: see
    /// <see cref="SealBatch"/>.</summary>
    internal void Put(BatchOutput output)
    {
        ReadOnlySpan<EncodedChunk> chunks = CollectionsMarshal.AsSpan(output.Chunks);
        while (chunks.Length > 0)
        {
            EncodedChunk first = chunks[0];
            if (first.IsStored)
                Put(chunks[..first.Sharing], output.Bytes(first));
            else if (TryFind(first.Key, out _))
                PutZero(first.Key);
            chunks = chunks[first.Sharing..];
        }
    }

    /// <summary>As <see cref="Put(BatchOutput)"/> for one chunk.</summary>
    internal void Put(ChunkKey key, Codec codec, int rawLength, ReadOnlySpan<byte> payload, ChangeTag tag) =>
        Put([new EncodedChunk(key, codec, rawLength, 0, payload.Length, tag, null)], payload);

    private void Put(ReadOnlySpan<EncodedChunk> chunks, ReadOnlySpan<byte> payload)
    {
        EncodedChunk first = chunks[0];
        if (first.Pages is { HasOwn: false } pages)
        {
            // As for zeros: nothing older may come back out of the open cell.
            packer.Forget(first.Key);
            lock (gate)
                pending[first.Key] = new PayloadRef(keys.LeaseId, batch, default, 0, null, pages);
        }
        else
        {
            // If the disk is full the chunks stay what they were, and so must their tags.
            var sharing = new (ChunkKey, PageTable?)[chunks.Length];
            for (int i = 0; i < chunks.Length; i++)
                sharing[i] = (chunks[i].Key, chunks[i].Pages);
            packer.Add(sharing, first.Codec, first.RawLength, payload);
        }
        foreach (EncodedChunk chunk in chunks)
            pendingTags[chunk.Key] = chunk.Tag;
    }

    /// <summary>Puts a chunk of zeros.</summary>
    public void PutZero(ChunkKey key)
    {
        // An older payload of the chunk may still wait in the open cell: when that is sealed it must not come back.
        packer.Forget(key);
        lock (gate)
            pending[key] = PayloadRef.Zero;
        pendingTags[key] = default;
    }

    /// <summary>Seals all that was put, so that it can be read from cells. The next put begins a new batch.</summary>
    public void SealBatch()
    {
        packer.Seal();
        BeginBatch();
    }

    /// <summary>
    /// Ends a batch that was cut short. What is in the open cell is sealed, or, if that fails too, forgotten: whoever put it puts it again, in the next batch.
    /// </summary>
    internal void EndBatch()
    {
        try
        {
            packer.Seal();
        }
        catch (VmPodException)
        {
            // A chunk that is forgotten is what it was before, and what its tag was is not known any more.
            foreach ((ChunkKey key, PayloadRef _) in packer.Unplaced.Where(u => IsOfMap(u.Key)).ToList())
                pendingTags[key] = default;
            packer.Drop();
        }
        BeginBatch();
    }

    /// <summary>Forgets what was put since the last commit, and frees its cells where nothing came after them.</summary>
    public void Discard()
    {
        packer.Drop();
        lock (gate)
            pending.Clear();
        pendingTags.Clear();
        home.Discard();
        (cellsSinceCommit, nextPadding) = (0, null);
        BeginBatch();
    }

    /// <summary>Ends the lease without a commit: what is pending is discarded.</summary>
    public void Close()
    {
        if (closed)
            return;
        closed = true;
        Discard();
        home.Close();
    }

    /// <summary>Zeroes what opens and seals cells. The lease can sign still, until it is disposed: its last word is about this.</summary>
    public void DropKeys()
    {
        if (keysDropped)
            return;
        (closed, keysDropped) = (true, true);
        packer.Dispose();
        Payloads.Dispose();
        knownKeys.Dispose();
    }

    /// <summary>Signs a statement of the host with the lease's key: 64 bytes, Ed25519.</summary>
    public byte[] Sign(ReadOnlySpan<byte> statement)
    {
        byte[] signature = new byte[SigningKey.SignatureBytes];
        signer.Sign(statement, signature);
        return signature;
    }

    /// <summary>Zeroes the lease's keys. A lease that was not closed stays open in the log until it is released.</summary>
    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        home.Dispose();
        DropKeys();
        signer.Dispose();
    }

    private void BeginBatch()
    {
        batch++;
        packer.Batch = batch;
        metadataNumber = 0;
        metadataPlaces.Clear();
        firstUsePlaces.Clear();
        batchCells.Clear();
    }

    private void Append(CellId id, ReadOnlyMemory<byte> cell)
    {
        home.Append(id, cell.Span);
        batchCells.Add(id);
        BytesAppended += cell.Length;
        cellsSinceCommit++;
    }

    private void OnPlaced(ChunkKey key, PayloadRef place)
    {
        if (key.Stream >= MetadataStream.First)
        {
            metadataPlaces.Add(place);
            return;
        }
        if (!IsOfMap(key))
        {
            firstUsePlaces[(int)key.Chunk] = place;
            return;
        }
        lock (gate)
            pending[key] = place;
    }

    private static List<KeyValuePair<ChunkKey, T>> Sorted<T>(Dictionary<ChunkKey, T> changes, Func<uint, bool>? include)
    {
        List<KeyValuePair<ChunkKey, T>> sorted = [.. include is null ? changes : changes.Where(c => include(c.Key.Stream))];
        sorted.Sort(static (a, b) => a.Key.CompareTo(b.Key));
        return sorted;
    }

    // Places known, and those in the open cell, whose id will be that of the manifest's first cell.
    private List<KeyValuePair<ChunkKey, PayloadRef>> SortedMap(Func<uint, bool>? include)
    {
        var all = new Dictionary<ChunkKey, PayloadRef>(pending);
        foreach ((ChunkKey key, PayloadRef place) in packer.Unplaced)
        {
            if (IsOfMap(key))
                all[key] = place;
        }
        return Sorted(all, include);
    }
}
