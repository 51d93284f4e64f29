using System.Text;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>Sessions, generations and leases.</summary>
public sealed partial class PodVault
{
    // Leases with cells that are appended and not committed: the store's tail is theirs together.
    private readonly HashSet<SessionLease> appending = [];
    private readonly Lock discardGate = new();

    /// <summary>All sessions that have a commit, by their place in the head.</summary>
    public IReadOnlyList<SessionSummary> ListSessions()
    {
        var sessions = new List<SessionSummary>();
        foreach (SessionEntry row in Store.Head.Sessions.Where(r => r.TipOffset >= 0))
        {
            CommitEntry tip = ReadCommit(row.TipOffset, row.TipHash);
            string? name = IsUnlocked ? NameOf(tip.Record) : null;
            sessions.Add(new SessionSummary(new SessionHandle(row.Handle), name, row.LeaseState == LeaseState.Open, row.Commits, tip.Record));
        }
        return sessions;
    }

    /// <summary>The generations of a session, oldest first; drafts are none.</summary>
    public IReadOnlyList<GenerationInfo> ListGenerations(SessionHandle session)
    {
        var generations = new List<GenerationInfo>();
        foreach (LogEntryHeader header in Store.EnumerateLog(0).Where(h => h.Type == LogEntryTypes.Commit))
        {
            LogEntry entry = Store.ReadEntry(header.Offset);
            CommitRecord record = CommitEntry.Read(entry.Payload.Span).Record;
            if (record.Session == session && record.Kind != GenerationKind.Draft)
                generations.Add(new GenerationInfo(record, header.Offset, entry.Hash));
        }
        return generations;
    }

    /// <summary>Finds a session by name, or by handle in hexadecimal.</summary>
    /// <exception cref="VmPodException">There is none (exit 3), or the vault is locked (exit 4).</exception>
    public SessionSummary FindSession(string name) => TryFindSession(name)
        ?? throw new VmPodException(ExitCode.NotFound, $"The vault has no session {name}.", "podkeeper sessions DIR lists them.");

    /// <summary>As <see cref="FindSession"/>, or null.</summary>
    public SessionSummary? TryFindSession(string name)
    {
        if (!IsUnlocked)
            throw Locked();
        return ListSessions().FirstOrDefault(s => s.Name == name) ?? ListSessions().FirstOrDefault(s => s.Handle.ToString() == name);
    }

    /// <summary>Opens a generation of a session for reading: the newest, or the one with this number; or the tip, which may be a draft.</summary>
    /// <exception cref="VmPodException">No such session or generation (3), locked (4), damaged (5).</exception>
    public SessionReader OpenSession(string name, ulong? generation = null, bool tip = false)
    {
        SessionSummary session = FindSession(name);
        SessionEntry row = Store.Head.Find(session.Handle.Value)!;
        SessionKeys keys = KeysOf(session.Tip);
        var payloads = new PayloadReader(new StoreCellSource(Store), keys, session.Handle, CachedCells);
        try
        {
            SessionState state = LoadState(WhichCommit(row, session.Handle, generation, tip), payloads);
            return new SessionReader(name, session.Handle, keys, payloads, state, ownsKeys: true);
        }
        catch
        {
            payloads.Dispose();
            keys.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Begins a lease: its entry is durable in the log before this returns. A new session is made if the name is new and <paramref name="create"/> says so.
    /// </summary>
    /// <param name="name">The session.</param>
    /// <param name="create">Whether it may be made.</param>
    /// <param name="host">Pseudonym of this host and boot: tells a lease that a crash left open from one that another host holds.</param>
    /// <param name="generation">The generation to go on from; null for the newest.</param>
    /// <param name="tip">Goes on from the tip instead, draft or not.</param>
    /// <exception cref="VmPodException">No such session (3), locked (4), another host holds the lease (6).</exception>
    public SessionLease BeginLease(string name, bool create, UInt128 host, ulong? generation = null, bool tip = false)
    {
        CheckName(name);
        // Offsets of the entries are computed before they are written: nobody may write in between.
        lock (gate)
            return Begin(name, create, host, generation, tip);
    }

    private SessionLease Begin(string name, bool create, UInt128 host, ulong? generation, bool tip)
    {
        SecretBuffer vaultSecret = vaultKey ?? throw Locked();
        SessionSummary? session = TryFindSession(name);
        if (session is null && !create)
            throw new VmPodException(ExitCode.NotFound, $"The vault has no session {name}.", "podkeeper sessions DIR lists them.");
        SessionEntry? row = session is null ? null : Store.Head.Find(session.Handle.Value);
        if (row is not null)
            CheckLease(name, row, host);

        var entries = new List<PendingEntry>();
        var handle = session?.Handle ?? new SessionHandle(new UInt128(RandomNumberSource.UInt64(), RandomNumberSource.UInt64()));
        LeaseEntry? before = session is null ? null : log.FindLease(handle, session.Tip.LeaseId);
        SecretBuffer sessionKey = session is null ? SecretBuffer.Random(KeyDerivation.KeyBytes) : SessionKeyOf(session.Tip);
        var keys = new SessionKeys(Descriptor.VaultId, handle, sessionKey, log);
        ulong sessionOffset = session?.Tip.SessionOffset ?? (ulong)Store.LogBytes;
        ulong epochOffset;
        SecretBuffer epoch;
        if (session is null)
        {
            byte[] made = SessionNameEntry.Create(vaultSecret, Descriptor.VaultId, handle, sessionKey, name, NowMs()).ToBytes();
            entries.Add(new PendingEntry(LogEntryTypes.Session, made));
            epochOffset = sessionOffset + (ulong)made.Length + StoreLimits.EntryHeaderBytes;
            epoch = SecretBuffer.Random(KeyDerivation.KeyBytes);
            entries.Add(new PendingEntry(LogEntryTypes.Epoch, new EpochEntry(handle, 0, keys.WrapEpoch(epoch, 0)).ToBytes()));
        }
        else
        {
            epochOffset = before?.EpochOffset ?? throw Broken();
            epoch = keys.Epoch(epochOffset) ?? throw Broken();
        }

        ulong term = (row?.Term ?? 0) + 1;
        using SecretBuffer leaseKey = SecretBuffer.Random(KeyDerivation.KeyBytes);
        LeaseKeys leaseKeys = LeaseKeys.Derive(leaseKey, Descriptor.VaultId);
        using SecretBuffer signerSeed = SecretBuffer.Random(KeyDerivation.KeyBytes);
        SigningKey signer = SigningKey.FromSeed(signerSeed);
        CommitPlace? place = row is null ? null : WhichCommit(row, handle, generation, tip);
        byte[] wrapped = KeyWrap.Wrap(epoch, leaseKey, EpochEntry.LeaseKeyLabel, Descriptor.VaultId, EpochEntry.LeaseContext(handle, term));
        if (session is null)
            epoch.Dispose();
        var lease = new LeaseEntry(handle, leaseKeys.LeaseId, term, NowMs(), sessionOffset, epochOffset, place?.Hash ?? Digest.Zero, host,
            signer.PublicKey, wrapped,
            new byte[SigningKey.SignatureBytes]);
        owner!.Sign(lease.SignedBytes(Descriptor.VaultId), lease.OwnerSignature);
        entries.Add(new PendingEntry(LogEntryTypes.Lease, lease.ToBytes()));

        CommitResult result = Store.Commit(entries, context => Draft(context, (row ?? new SessionEntry { Handle = handle.Value }) with
        {
            LeaseId = lease.LeaseId,
            LeaseState = LeaseState.Open,
            Term = term,
            Fence = term,
        }));
        if (session is null && (ulong)result.Entries[1].Offset != epochOffset)
            throw new InvalidOperationException("The log did not place an entry where it was said to stand.");
        keys.Add(leaseKeys);
        var payloads = new PayloadReader(new StoreCellSource(Store), keys, handle, CachedCells);
        SessionState? state = place is null ? null : LoadState(place.Value, payloads);
        return new SessionLease(this, new LeaseStart(name, lease, result.Entries[^1].Offset, signer, leaseKeys, keys, payloads, state,
            session?.Tip.Generation ?? 0,
            session?.Tip.Number ?? 0));
    }

    /// <summary>Ends a lease that its holder left open, on the owner's word: the holder's later commits are refused.</summary>
    /// <returns>False if no lease was open.</returns>
    public bool BreakLease(string name)
    {
        SessionSummary session = FindSession(name);
        SessionEntry row = Store.Head.Find(session.Handle.Value)!;
        if (row.LeaseState == LeaseState.None)
            return false;
        Store.Commit([], context => Draft(context, row with { LeaseState = LeaseState.None, Term = row.Term + 1, Fence = row.Term + 1 }));
        return true;
    }

    /// <summary>Reads every cell and every entry of the log, and hashes them: needs no key. Cells of all commits must be there.</summary>
    public VerifyReport Verify(IProgress<VerifyProgress>? progress, CancellationToken cancel) => Store.Verify(CommittedCells(), progress, cancel);

    internal (Digest Hash, long Offset) CommitSession(CommitEntry commit, LeaseEntry lease, bool close)
    {
        lock (gate)
        {
            CommitResult result = Store.Commit([new PendingEntry(LogEntryTypes.Commit, commit.ToBytes())], context =>
            {
                SessionEntry? row = context.Previous!.Find(lease.Session.Value);
                if (row is null || row.LeaseId != lease.LeaseId || row.LeaseState != LeaseState.Open || row.Fence != lease.Term)
                    throw new VmPodException(ExitCode.Busy,
                        "This lease was ended by the owner, or another host has the session now: nothing was committed.", "The work may be kept as a fork.");
                EntryPlace place = context.Entries[0];
                bool listed = commit.Record.Kind != GenerationKind.Draft;
                return Draft(context, row with
                {
                    TipOffset = place.Offset,
                    TipHash = place.Hash,
                    GenerationOffset = listed ? place.Offset : row.GenerationOffset,
                    GenerationHash = listed ? place.Hash : row.GenerationHash,
                    Commits = row.Commits + 1,
                    LeaseState = close ? LeaseState.None : LeaseState.Open,
                });
            });
            return (result.Entries[0].Hash, result.Entries[0].Offset);
        }
    }

    /// <summary>A lease is about to append cells that no commit names yet.</summary>
    internal void BeginAppending(SessionLease lease)
    {
        lock (discardGate)
            appending.Add(lease);
    }

    /// <summary>All cells of a lease are committed, or of no use any more.</summary>
    internal void EndAppending(SessionLease lease)
    {
        lock (discardGate)
            appending.Remove(lease);
    }

    /// <summary>Cuts off the cells of a lease, unless another lease's uncommitted ones stand there too: then they stay until gc.</summary>
    internal void DiscardCells(SessionLease lease)
    {
        lock (discardGate)
        {
            appending.Remove(lease);
            if (appending.Count == 0)
                Store.DiscardUncommitted();
        }
    }

    internal void CloseLease(LeaseEntry lease)
    {
        lock (gate)
        {
            SessionEntry? row = Store.Head.Find(lease.Session.Value);
            if (row is not null && row.LeaseId == lease.LeaseId && row.LeaseState == LeaseState.Open)
                Store.Commit([], context => Draft(context, row with { LeaseState = LeaseState.None }));
        }
    }

    private readonly record struct CommitPlace(long Offset, Digest Hash);

    private CommitPlace WhichCommit(SessionEntry row, SessionHandle handle, ulong? generation, bool tip)
    {
        if (generation is null)
        {
            return tip || row.GenerationOffset < 0 ? new CommitPlace(row.TipOffset, row.TipHash) : new CommitPlace(row.GenerationOffset, row.GenerationHash);
        }
        GenerationInfo found = ListGenerations(handle).LastOrDefault(g => g.Record.Generation == generation)
            ?? throw new VmPodException(ExitCode.NotFound, $"The session has no generation {generation}.", "podkeeper sessions DIR SESSION lists them.");
        return new CommitPlace(found.Offset, found.Hash);
    }

    private SessionState LoadState(CommitPlace place, PayloadReader payloads)
    {
        CommitEntry commit = ReadCommit(place.Offset, place.Hash);
        CommitRecord record = commit.Record;
        if (log.FindLease(record.Session, record.LeaseId) is not { } lease || record.Term != lease.Term
            || !SigningKey.Verify(owner!.PublicKey, lease.SignedBytes(Descriptor.VaultId), lease.OwnerSignature)
            || !SigningKey.Verify(lease.PublicKey, record.ToSignedBytes(), commit.Signature))
            throw new VmPodException(ExitCode.Damaged, "A commit is not signed by a lease that the owner certified.",
                "The vault was changed by somebody without its keys. Use a mirror.");
        if (!Manifest.TryRead(payloads.ReadManifest(record), out Manifest? manifest) || manifest!.Number != record.Number || manifest.Kind != record.Kind)
            throw Broken();
        return new SessionState(record, place.Hash, place.Offset, manifest, payloads);
    }

    private CommitEntry ReadCommit(long offset, Digest hash)
    {
        LogEntry entry = Store.ReadEntry(offset, hash);
        CommitEntry commit = entry.Header.Type == LogEntryTypes.Commit ? CommitEntry.Read(entry.Payload.Span) : throw Broken();
        return commit.Record.VaultId == Descriptor.VaultId ? commit : throw Broken();
    }

    private IEnumerable<CellId> CommittedCells()
    {
        foreach (LogEntryHeader header in Store.EnumerateLog(0).Where(h => h.Type == LogEntryTypes.Commit))
        {
            foreach (CellId id in CommitEntry.Read(Store.ReadEntry(header.Offset).Payload.Span).Added)
                yield return id;
        }
    }

    private string NameOf(CommitRecord record) => NameEntry(record).OpenName(vaultKey!, Descriptor.VaultId) ?? throw Broken();

    private SessionKeys KeysOf(CommitRecord record) => new(Descriptor.VaultId, record.Session, SessionKeyOf(record), log);

    private SecretBuffer SessionKeyOf(CommitRecord record) =>
        NameEntry(record).UnwrapKey(vaultKey ?? throw Locked(), Descriptor.VaultId) ?? throw Broken();

    private SessionNameEntry NameEntry(CommitRecord record) =>
        SessionNameEntry.TryRead(log.ReadPayload((long)record.SessionOffset, LogEntryTypes.Session)) is { } entry && entry.Session == record.Session
            ? entry : throw Broken();

    // Rows of sessions that never got a commit are let go with the next head.
    private HeadDraft Draft(CommitContext context, SessionEntry changed) => new(0, (long)NowMs(),
        [.. context.Previous!.Sessions.Where(r => r.Handle != changed.Handle && (r.TipOffset >= 0 || r.LeaseState == LeaseState.Open)), changed]);

    private static void CheckLease(string name, SessionEntry row, UInt128 host, LeaseEntry? holder)
    {
        if (row.LeaseState == LeaseState.Open && holder?.Host != host)
            throw new VmPodException(ExitCode.Busy, $"Session {name} is running elsewhere: another host holds its lease.",
                "End it there, or take it over with podkeeper release DIR SESSION --break: what that host has not saved stays behind.");
    }

    // This process owns the vault, so a lease of this very boot is one that a crash left.
    private void CheckLease(string name, SessionEntry row, UInt128 host) => CheckLease(name, row, host, log.FindLease(new SessionHandle(row.Handle),
        row.LeaseId));

    private static void CheckName(string name)
    {
        if (name.Length == 0 || Encoding.UTF8.GetByteCount(name) > FormatLimits.SessionNameBytesMax || name.Any(char.IsControl) || name.Contains('@',
            StringComparison.Ordinal)
            || name.Contains('/', StringComparison.Ordinal))
            throw new VmPodException(ExitCode.Usage, "A session's name has 1 to 128 bytes, without control characters, '/' and '@'.");
    }

    private static VmPodException Broken() =>
        new(ExitCode.Damaged, "The vault's log or keys do not fit together.", "Run podkeeper verify; use a mirror.");
}
