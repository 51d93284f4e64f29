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
    private readonly HashSet<object> appending = [];
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
        var payloads = new PayloadReader(new KeyedCellOpener(new StoreCellSource(Store), keys), session.Handle, CachedCells);
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
        using SecretBuffer signerSeed = SecretBuffer.Random(KeyDerivation.KeyBytes);
        SigningKey signer = SigningKey.FromSeed(signerSeed);
        OpenedLease opened = OpenLease(name, create, host, generation, tip, signer.PublicKey);
        LeaseKeys leaseKeys = opened.Keys.Find(opened.Entry.LeaseId) ?? throw Broken();
        opened.LeaseKey.Dispose();
        var payloads = new PayloadReader(new KeyedCellOpener(new StoreCellSource(Store), opened.Keys), opened.Entry.Session, CachedCells);
        SessionState? state = opened.Base is { } place ? LoadState(place, payloads) : null;
        return new SessionLease(new LeaseStart(name, opened.Terms, new VaultLeaseHome(this, opened.Entry), signer, leaseKeys, opened.Keys, payloads, state));
    }

    /// <summary>Begins a lease that another machine will hold.</summary>
    /// <param name="name">The session.</param>
    /// <param name="create">Whether it may be made.</param>
    /// <param name="host">What this vault calls that machine.</param>
    /// <param name="signer">The public key, 32 bytes, that the machine will sign its commits with.</param>
    /// <param name="generation">The generation to go on from; null for the newest.</param>
    /// <param name="tip">Goes on from the tip instead, draft or not.</param>
    /// <param name="cellsMax">Cells that it may send (rule 31).</param>
    /// <exception cref="VmPodException">As for <see cref="BeginLease"/>.</exception>
    public GrantedLease GrantLease(string name, bool create, UInt128 host, ReadOnlySpan<byte> signer, ulong? generation, bool tip, long cellsMax)
    {
        OpenedLease opened = OpenLease(name, create, host, generation, tip, signer.ToArray());
        GrantedLease.Standing start = opened.Base is { } place
            ? new GrantedLease.Standing(ReadCommit(place.Offset, place.Hash), place.Hash, place.Offset) : default;
        return new GrantedLease(this, name, opened.Entry, opened.Terms, opened.Keys, opened.LeaseKey, start, cellsMax);
    }

    /// <summary>
    /// Takes up a lease again that is open in the log: its host comes back after a lost link, or hands in what it could not send. Needs no key; without one
    /// the lease can be written to, not read from.
    /// </summary>
    /// <exception cref="VmPodException">The lease is not open any more, or is another host's (6).</exception>
    public GrantedLease AttachLease(SessionHandle session, ulong leaseId, ulong term, UInt128 host, long cellsMax)
    {
        lock (gate)
        {
            SessionEntry? row = Store.Head.Find(session.Value);
            LeaseEntry? entry = log.FindLease(session, leaseId);
            if (row is null || entry is null || row.LeaseId != leaseId || row.LeaseState != LeaseState.Open || row.Fence != term || entry.Term != term
                || entry.Host != host)
                throw new VmPodException(ExitCode.Busy, "This lease is not open any more: its owner ended it, or another host has the session now.",
                    "What the host still holds stays there.");
            CommitEntry? tip = row.TipOffset >= 0 ? ReadCommit(row.TipOffset, row.TipHash) : null;
            GrantedLease.Standing standing = tip is null || tip.Record.LeaseId == leaseId || row.TipHash == entry.Base
                ? new GrantedLease.Standing(tip, row.TipHash, row.TipOffset) : StandingOf(session, entry.Base);
            SessionKeys? keys = IsUnlocked ? KeysOf(session, entry.SessionOffset) : null;
            var terms = new LeaseTerms(Descriptor.VaultId, session, term, entry.SessionOffset, (ulong)log.OffsetOfLease(session, leaseId),
                tip?.Record.Generation ?? 0, tip?.Record.Number ?? 0);
            return new GrantedLease(this, IsUnlocked ? NameOf(session, entry.SessionOffset) : null, entry, terms, keys, null, standing, cellsMax);
        }
    }

    private GrantedLease.Standing StandingOf(SessionHandle session, Digest commit)
    {
        GenerationInfo place = ListGenerations(session).FirstOrDefault(g => g.Hash == commit) ?? throw Broken();
        return new GrantedLease.Standing(ReadCommit(place.Offset, place.Hash), place.Hash, place.Offset);
    }

    /// <summary>A commit as a host gets it to go on from.</summary>
    internal BaseCommit BaseOf(CommitEntry commit, Digest hash, long offset) => new(commit.Record, commit.Signature, hash, offset,
        (log.FindLease(commit.Record.Session, commit.Record.LeaseId) ?? throw Broken()).ToBytes());

    /// <summary>The live cells of a commit, from the lists of it and of its forebears: needs no key. Time grows with their number.</summary>
    /// <exception cref="VmPodException">The lists do not give the set that was signed (5).</exception>
    internal LiveSet LiveSetOf(long offset, Digest hash)
    {
        var set = new LiveSet();
        if (offset < 0)
            return set;
        CommitEntry commit = ReadCommit(offset, hash);
        CommitRecord newest = commit.Record;
        // From the newest back: what a commit says of a cell counts unless a later one said something.
        var known = new HashSet<CellId>();
        while (true)
        {
            foreach (CellId id in commit.Added)
            {
                if (known.Add(id))
                    set.Add(id);
            }
            known.UnionWith(commit.Dropped);
            if (commit.Record.ParentOffset == ulong.MaxValue)
                break;
            commit = ReadCommit((long)commit.Record.ParentOffset, commit.Record.Parent);
        }
        return (ulong)set.Count == newest.LiveCount && set.Root() == newest.LiveRoot ? set : throw Broken();
    }

    /// <summary>A lease as it was opened in the log.</summary>
    private sealed record OpenedLease(LeaseEntry Entry, LeaseTerms Terms, SecretBuffer LeaseKey, SessionKeys Keys, CommitPlace? Base);

    private OpenedLease OpenLease(string name, bool create, UInt128 host, ulong? generation, bool tip, byte[] publicKey)
    {
        CheckName(name);
        // Offsets of the entries are computed before they are written: nobody may write in between.
        lock (gate)
            return Begin(name, create, host, generation, tip, publicKey);
    }

    private OpenedLease Begin(string name, bool create, UInt128 host, ulong? generation, bool tip, byte[] publicKey)
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
        SecretBuffer leaseKey = SecretBuffer.Random(KeyDerivation.KeyBytes);
        LeaseKeys leaseKeys = LeaseKeys.Derive(leaseKey, Descriptor.VaultId);
        CommitPlace? place = row is null ? null : WhichCommit(row, handle, generation, tip);
        byte[] wrapped = KeyWrap.Wrap(epoch, leaseKey, EpochEntry.LeaseKeyLabel, Descriptor.VaultId, EpochEntry.LeaseContext(handle, term));
        if (session is null)
            epoch.Dispose();
        var lease = new LeaseEntry(handle, leaseKeys.LeaseId, term, NowMs(), sessionOffset, epochOffset, place?.Hash ?? Digest.Zero, host,
            publicKey, wrapped, new byte[SigningKey.SignatureBytes]);
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
        var terms = new LeaseTerms(Descriptor.VaultId, handle, term, sessionOffset, (ulong)result.Entries[^1].Offset, session?.Tip.Generation ?? 0,
            session?.Tip.Number ?? 0);
        return new OpenedLease(lease, terms, leaseKey, keys, place);
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
    internal void BeginAppending(object lease)
    {
        lock (discardGate)
            appending.Add(lease);
    }

    /// <summary>All cells of a lease are committed, or of no use any more.</summary>
    internal void EndAppending(object lease)
    {
        lock (discardGate)
            appending.Remove(lease);
    }

    /// <summary>Cuts off the cells of a lease, unless another lease's uncommitted ones stand there too: then they stay until gc.</summary>
    internal void DiscardCells(object lease)
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
        return SessionState.Open(BaseOf(commit, place.Hash, place.Offset), owner!.PublicKey, Descriptor.VaultId, payloads);
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

    private string NameOf(CommitRecord record) => NameOf(record.Session, record.SessionOffset);

    private string NameOf(SessionHandle session, ulong offset) => NameEntry(session, offset).OpenName(vaultKey!, Descriptor.VaultId) ?? throw Broken();

    private SessionKeys KeysOf(CommitRecord record) => KeysOf(record.Session, record.SessionOffset);

    private SessionKeys KeysOf(SessionHandle session, ulong offset) => new(Descriptor.VaultId, session, SessionKeyOf(session, offset), log);

    private SecretBuffer SessionKeyOf(CommitRecord record) => SessionKeyOf(record.Session, record.SessionOffset);

    private SecretBuffer SessionKeyOf(SessionHandle session, ulong offset) =>
        NameEntry(session, offset).UnwrapKey(vaultKey ?? throw Locked(), Descriptor.VaultId) ?? throw Broken();

    private SessionNameEntry NameEntry(SessionHandle session, ulong offset) =>
        SessionNameEntry.TryRead(log.ReadPayload((long)offset, LogEntryTypes.Session)) is { } entry && entry.Session == session ? entry : throw Broken();

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
