using System.Text;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>Leases: the right to write, and what their commits do to the head.</summary>
public sealed partial class PodVault
{
    // More than a commit's worth of batches: one for each time that a full overlay was sealed.
    private const ulong BatchesOfDamagedTip = 1UL << 32;

    // Leases with cells that are appended and not committed: the store's tail is theirs together.
    private readonly HashSet<object> appending = [];
    // Leases that this process holds.
    private readonly HashSet<ulong> begun = [];
    private readonly Lock discardGate = new();

    /// <summary>
    /// Begins a lease: its entry is durable in the log before this returns. A new session is made if the name is new and <paramref name="create"/> says so.
    /// </summary>
    /// <param name="name">The session.</param>
    /// <param name="create">Whether it may be made.</param>
    /// <param name="host">Pseudonym of this host and boot: tells a lease that a crash left open from one that another host holds.</param>
    /// <param name="generation">The generation to go on from; null for the newest.</param>
    /// <param name="tip">Goes on from the tip instead, draft or not.</param>
    /// <param name="fork">Goes on from a fork instead, by the id of the lease that left it.</param>
    /// <param name="keepsReserve">What is put under it leaves alone what is kept for a suspend (V-167).</param>
    /// <exception cref="VmPodException">No such session (3), locked (4), that generation is damaged (5), another host holds the lease (6).</exception>
    public SessionLease BeginLease(string name, bool create, UInt128 host, ulong? generation = null, bool tip = false, ulong? fork = null,
        bool keepsReserve = false) => NewLease(name, create, host, new LeaseBegin(generation, tip, fork), [], keepsReserve);

    private SessionLease NewLease(string name, bool create, UInt128 host, LeaseBegin from, IReadOnlyList<SupersededCommit> supersedes,
        bool keepsReserve)
    {
        using SecretBuffer signerSeed = SecretBuffer.Random(KeyDerivation.KeyBytes);
        SigningKey signer = SigningKey.FromSeed(signerSeed);
        try
        {
            OpenedLease opened = OpenLease(name, create, host, from, signer.PublicKey);
            opened.LeaseKey.Dispose();
            var home = new VaultLeaseHome(this, opened.Entry, supersedes);
            if (keepsReserve)
                home.KeepReserve();
            return new SessionLease(new LeaseStart(name, opened.Terms, home, signer, opened.LeaseKeys, opened.Keys,
                opened.Payloads, opened.State));
        }
        catch
        {
            signer.Dispose();
            throw;
        }
    }

    // A lease as it was opened in the log. Who gets it owns key, keys and reader; LeaseKeys belong to Keys.
    private sealed record OpenedLease(LeaseEntry Entry, LeaseTerms Terms, SecretBuffer LeaseKey, LeaseKeys LeaseKeys, SessionKeys Keys, PayloadReader Payloads,
        SessionState? State);

    // What a lease goes on from: a generation, the tip or a fork (by its lease's id); nothing said, the newest generation.
    private readonly record struct LeaseBegin(ulong? Generation, bool Tip, ulong? Fork);

    private OpenedLease OpenLease(string name, bool create, UInt128 host, LeaseBegin from, byte[] signer)
    {
        CheckName(name);
        // Offsets of the entries are computed before they are written: nobody may write in between.
        lock (gate)
            return Begin(name, create, host, from, signer);
    }

    private OpenedLease Begin(string name, bool create, UInt128 host, LeaseBegin from, byte[] signer)
    {
        _ = vaultKey ?? throw Locked();
        SessionSummary? session = TryFindSession(name);
        if (session is null)
            return create && from.Fork is null ? BeginNew(name, host, signer) : throw new VmPodException(ExitCode.NotFound, $"The vault has no session {name}.",
                "podkeeper sessions DIR lists them.");
        SessionEntry row = Store.Head.Find(session.Handle.Value)!;
        CheckLease(name, row, host);
        FoundCommit commit = WhichCommit(name, session, from);
        MustBeTrusted(name, commit);
        var keys = KeysOf(session);
        PayloadReader payloads = NewReader(keys, session.Handle);
        try
        {
            // Before the log says that the lease began: what cannot be opened is not written to.
            SessionState state = LoadState(commit, payloads);
            (ulong epochOffset, SecretBuffer epoch) = NewestEpoch(session, keys);
            var wanted = new WantedLease(session.Handle, row.Term + 1, session.Tip.SessionOffset, epochOffset, commit.Hash, host);
            (LeaseEntry lease, SecretBuffer leaseKey, LeaseKeys leaseKeys) = Certify(wanted, epoch, signer);
            CommitResult result = Store.Commit([new PendingEntry(LogEntryTypes.Lease, lease.ToBytes())], context => Draft(context, Opened(row, lease)));
            keys.Add(leaseKeys);
            // A damaged tip does not tell its numbers. No commit raises the generation by more than one; batches between two commits are few.
            ulong lastGeneration = session.IsTipDamaged ? row.Commits : session.Tip.Generation;
            ulong lastBatch = Math.Max(commit.Record.Number, session.Tip.Number + (session.IsTipDamaged ? BatchesOfDamagedTip : 0));
            var terms = new LeaseTerms(Descriptor.VaultId, session.Handle, lease.Term, lease.SessionOffset, (ulong)result.Entries[^1].Offset, lastGeneration,
                lastBatch);
            return new OpenedLease(lease, terms, leaseKey, leaseKeys, keys, payloads, state);
        }
        catch
        {
            payloads.Dispose();
            keys.Dispose();
            throw;
        }
    }

    // A session that has no commit yet is in no list. Its lease keeps its name all the same, or there would be two sessions of one name.
    private void MustNotBeInTheMaking(string name, UInt128 host)
    {
        SessionEntry[] unborn;
        lock (discardGate)
            unborn = [.. Store.Head.Sessions.Where(r => r.TipOffset < 0 && IsKept(r))];
        foreach (SessionEntry row in unborn.Where(r => NameOf(new SessionHandle(r.Handle), offset: null) == name))
        {
            if (log.FindLease(new SessionHandle(row.Handle), row.LeaseId)?.Host != host)
            {
                throw new VmPodException(ExitCode.Busy, $"Session {name} is being made by another host, which has stored nothing of it yet.",
                    "Wait until that host has, or has ended it; when it is gone, for a while.");
            }
            // This host begins anew: with the next head the session that it began goes.
            lock (discardGate)
                begun.Remove(row.LeaseId);
        }
    }

    private OpenedLease BeginNew(string name, UInt128 host, byte[] signer)
    {
        MustNotBeInTheMaking(name, host);
        // One of these may be the one that is meant.
        if (ListSessions().Any(s => s.Name is null))
            throw new VmPodException(ExitCode.Damaged, $"The name of a session is damaged in the vault's log: whether {name} is there cannot be told.",
                "Restore the log from a mirror or a backup before you make new sessions.");
        var handle = new SessionHandle(new UInt128(RandomNumberSource.UInt64(), RandomNumberSource.UInt64()));
        SecretBuffer sessionKey = SecretBuffer.Random(KeyDerivation.KeyBytes);
        var keys = new SessionKeys(Descriptor, handle, sessionKey, log);
        using SecretBuffer epoch = SecretBuffer.Random(KeyDerivation.KeyBytes);
        byte[] made = SessionNameEntry.Create(vaultKey!, Descriptor.VaultId, handle, sessionKey, name, NowMs()).ToBytes();
        ulong sessionOffset = (ulong)Store.LogBytes, epochOffset = sessionOffset + (ulong)made.Length + StoreLimits.EntryHeaderBytes;
        (LeaseEntry lease, SecretBuffer leaseKey, LeaseKeys leaseKeys) =
            Certify(new WantedLease(handle, 1, sessionOffset, epochOffset, Digest.Zero, host), epoch, signer);
        PendingEntry[] entries =
        [
            new(LogEntryTypes.Session, made),
            new(LogEntryTypes.Epoch, new EpochEntry(handle, 0, keys.WrapEpoch(epoch, 0)).ToBytes()),
            new(LogEntryTypes.Lease, lease.ToBytes()),
        ];
        CommitResult result = Store.Commit(entries, context => Draft(context, Opened(new SessionEntry { Handle = handle.Value }, lease)));
        if ((ulong)result.Entries[1].Offset != epochOffset)
            throw new InvalidOperationException("The log did not place an entry where it was said to stand.");
        keys.Add(leaseKeys);
        var terms = new LeaseTerms(Descriptor.VaultId, handle, 1, sessionOffset, (ulong)result.Entries[^1].Offset, 0, 0);
        return new OpenedLease(lease, terms, leaseKey, leaseKeys, keys, NewReader(keys, handle), null);
    }

    // The lease's entry, its key, and what that gives, new.
    private (LeaseEntry Entry, SecretBuffer Key, LeaseKeys Keys) Certify(WantedLease wanted, SecretBuffer epoch, byte[] signer)
    {
        SecretBuffer leaseKey = SecretBuffer.Random(KeyDerivation.KeyBytes);
        LeaseKeys keys = LeaseKeys.Derive(leaseKey, Descriptor.VaultId, (byte)Descriptor.Suite);
        byte[] wrapped = KeyWrap.Wrap(epoch, leaseKey, EpochEntry.LeaseKeyLabel, Descriptor.VaultId, EpochEntry.LeaseContext(wanted.Session, wanted.Term));
        var lease = new LeaseEntry(wanted.Session, keys.LeaseId, wanted.Term, NowMs(), wanted.SessionOffset, wanted.EpochOffset, wanted.Base, wanted.Host,
            signer, wrapped, new byte[SigningKey.SignatureBytes]);
        owner!.Sign(lease.SignedBytes(Descriptor.VaultId), lease.OwnerSignature);
        lock (discardGate)
            begun.Add(lease.LeaseId);
        return (lease, leaseKey, keys);
    }

    private static SessionEntry Opened(SessionEntry row, LeaseEntry lease) => row with
    {
        LeaseId = lease.LeaseId,
        LeaseState = LeaseState.Open,
        Term = lease.Term,
        Fence = lease.Term,
    };

    private sealed record WantedLease(SessionHandle Session, ulong Term, ulong SessionOffset, ulong EpochOffset, Digest Base, UInt128 Host);

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

    // What it supersedes is forgotten in the same commit of the store.
    internal (Digest Hash, long Offset) CommitSession(CommitEntry commit, LeaseEntry lease, bool close, bool isPending = false,
        IReadOnlyList<SupersededCommit>? supersedes = null)
    {
        lock (gate)
        {
            // Live sync: what a suspend needs is not for it. The last word of a lease is taken whatever is left.
            if (commit.Record.Kind == GenerationKind.Draft && !close)
                MustLeaveReserve();
            MustNotBeNeeded(lease.Session, supersedes ?? []);
            byte type = isPending ? LogEntryTypes.PendingCommit : LogEntryTypes.Commit;
            CommitResult result = Store.Commit([new PendingEntry(type, commit.ToBytes()), .. ForgetsOf(supersedes ?? [])], context =>
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

    /// <summary>A lease's keys are gone: it writes nothing any more.</summary>
    internal void Forget(LeaseEntry lease)
    {
        lock (discardGate)
            begun.Remove(lease.LeaseId);
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

    // Rows of sessions that never got a commit are let go with the next head, unless a lease of this process may still make one: the cells of a first put
    // that crashed were cut off when this process opened the vault (V-66), so nothing can become of its lease.
    private HeadDraft Draft(CommitContext context, SessionEntry changed)
    {
        lock (discardGate)
        {
            return new(0, (long)NowMs(), [.. context.Previous!.Sessions.Where(r => r.Handle != changed.Handle && IsKept(r)), changed]);
        }
    }

    private bool IsKept(SessionEntry row) => row.TipOffset >= 0 || (row.LeaseState == LeaseState.Open && begun.Contains(row.LeaseId));

    // This process owns the vault, so a lease of this very boot is one that a crash left.
    private void CheckLease(string name, SessionEntry row, UInt128 host)
    {
        if (row.LeaseState == LeaseState.Open && log.FindLease(new SessionHandle(row.Handle), row.LeaseId)?.Host != host)
            throw new VmPodException(ExitCode.Busy, $"Session {name} is running elsewhere: another host holds its lease.",
                "End it there, or take it over with podkeeper release DIR SESSION --break: what that host has not saved stays behind.");
    }

    private static void CheckName(string name)
    {
        if (name.Length == 0 || Encoding.UTF8.GetByteCount(name) > FormatLimits.SessionNameBytesMax || name.Any(char.IsControl) || name.Contains('@',
            StringComparison.Ordinal)
            || name.Contains('/', StringComparison.Ordinal))
            throw new VmPodException(ExitCode.Usage, "A session's name has 1 to 128 bytes, without control characters, '/' and '@'.");
    }
}
