using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>Generations: which there are, and the commit that makes each.</summary>
public sealed partial class PodVault
{
    // What a commit takes in memory beside its lists, and what all that are kept may take: eight thousand small ones, or one with the ids of 16 GiB of cells.
    private const long CommitBytes = 1024, ReadCommitBytesMax = 8L << 20;

    private readonly Dictionary<long, FoundCommit> readCommits = [];
    private long readCommitBytes;

    /// <summary>
    /// The generations of a session whose commits are sound, oldest first; drafts, and those that were forgotten, are none.
    /// Reads every commit of the session: to open one, its number is
    /// enough (<see cref="OpenSession"/>).
    /// </summary>
    public IReadOnlyList<GenerationInfo> ListGenerations(SessionHandle session)
    {
        var generations = new List<GenerationInfo>();
        // Sound is what the head names by hash, or a sound commit after it. What none of them names (a draft stands between, a lease went on from an older
        // one, the one after it is damaged) must bear its signature.
        SessionEntry? row = Store.Head.Find(session.Value);
        HashSet<Digest> forgotten = ForgottenOf(session);
        HashSet<Digest> named = [row?.TipHash ?? Digest.Zero, row?.GenerationHash ?? Digest.Zero];
        foreach (long offset in log.AllCommits(session).Reverse())
        {
            if (TryReadCommit(offset) is not { } commit || !IsGeneration(commit, session) || !(named.Contains(commit.Hash) || IsSigned(commit.Entry)))
                continue;
            named.Add(commit.Record.Parent);
            if (!forgotten.Contains(commit.Hash))
                generations.Add(new GenerationInfo(commit.Record, offset, commit.Hash, TrustIn(commit)));
        }
        generations.Reverse();
        return generations;
    }

    /// <summary>The checkpoint that a session's newest generation goes back to, itself included; null if there is none. Does not read the whole past.</summary>
    public GenerationInfo? FindCheckpoint(SessionHandle session)
    {
        SessionEntry? row = Store.Head.Find(session.Value);
        if (row is null || row.GenerationOffset < 0)
            return null;
        FoundCommit? commit = TryReadCommit(row.GenerationOffset, row.GenerationHash);
        while (commit is not null && !IsUsable(commit) && commit.Record.ParentOffset != ulong.MaxValue)
            commit = TryReadCommit((long)commit.Record.ParentOffset, commit.Record.Parent);
        // Something on the way is damaged: what else the log has.
        if (commit is null)
            return ListGenerations(session).LastOrDefault(g => g.Record.Kind == GenerationKind.Checkpoint && g.Trust != CommitTrust.Refused);
        return IsUsable(commit) ? InfoOf(commit) : null;

        bool IsUsable(FoundCommit found) =>
            found.Record.Kind == GenerationKind.Checkpoint && TrustIn(found) != CommitTrust.Refused && !IsForgotten(found);
    }

    /// <summary>A generation by its number.</summary>
    /// <exception cref="VmPodException">There is none (3), or it is damaged (5).</exception>
    public GenerationInfo FindGeneration(string name, ulong number) => InfoOf(FindCommit(name, FindSession(name), number));

    private GenerationInfo InfoOf(FoundCommit commit) => new(commit.Record, commit.Offset, commit.Hash, TrustIn(commit));

    private FoundCommit WhichCommit(string name, SessionSummary session, LeaseBegin from)
    {
        SessionEntry row = Store.Head.Find(session.Handle.Value)!;
        if (from.Fork is { } fork)
            return FindFork(name, session.Handle, fork);
        if (from.Generation is { } number)
            return FindCommit(name, session, number);
        FoundCommit? newest = from.Tip || row.GenerationOffset < 0
            ? TryReadCommit(row.TipOffset, row.TipHash)
            : TryReadCommit(row.GenerationOffset, row.GenerationHash);
        return newest ?? throw new VmPodException(ExitCode.Damaged, $"The newest generation of session {name} is damaged in the vault's log.",
            $"The newest that is sound is {name}@{session.Tip.Generation}. Restore the log from a mirror or a backup to have the newer one back.");
    }

    // What the index says is tried first, then the whole log.
    private FoundCommit FindCommit(string name, SessionSummary session, ulong number)
    {
        if (Find() is { } commit)
            return Kept(commit);
        log.Distrust();
        if ((commit = Find()) is not null)
            return Kept(commit);
        // Generations are numbered without a gap (V-36), so one that is missing was there.
        ulong newest = session.IsTipDamaged ? session.Commits : session.Tip.Generation;
        throw number >= 1 && number <= newest
            ? new VmPodException(ExitCode.Damaged, $"Generation {number} of session {name} is damaged: its entry in the vault's log is not what was written.",
                "Other generations can be opened: podkeeper sessions DIR SESSION lists them. Restore the log from a mirror or a backup to have this one back.")
            : new VmPodException(ExitCode.NotFound, $"The session has no generation {number}.", "podkeeper sessions DIR SESSION lists them.");

        FoundCommit Kept(FoundCommit found) => IsForgotten(found) ? throw Gone(name, $"Generation {number}") : found;

        FoundCommit? Find() => log.FindCommits(session.Handle, number).Select(offset => TryReadCommit(offset))
            .LastOrDefault(c => c is not null && IsGeneration(c, session.Handle) && c.Record.Generation == number && IsSigned(c.Entry));
    }

    private SessionState LoadState(FoundCommit commit, PayloadReader payloads) =>
        SessionState.Open(BaseOf(commit.Entry, commit.Hash, commit.Offset), (owner ?? throw Locked()).PublicKey, Descriptor.VaultId, payloads);

    // V-34. While the vault is locked the owner's key is only what the log says.
    private bool IsSigned(CommitEntry commit)
    {
        CommitRecord record = commit.Record;
        return OwnerKey() is { } ownerKey && log.FindLease(record.Session, record.LeaseId, record.LeaseOffset) is { } lease && record.Term == lease.Term
            && SigningKey.Verify(ownerKey, lease.SignedBytes(Descriptor.VaultId), lease.OwnerSignature)
            && SigningKey.Verify(lease.PublicKey, record.ToSignedBytes(), commit.Signature);
    }

    private byte[]? OwnerKey() => owner?.PublicKey ?? VaultEntry.TryRead(log.ReadPayload(0, LogEntryTypes.Vault))?.OwnerPublicKey;

    private static bool IsGeneration(FoundCommit commit, SessionHandle session) =>
        commit.Record.Session == session && commit.Record.Kind != GenerationKind.Draft;

    // The commit at an offset, which must have this hash if one is given; then it may be a fork as well, since the hash covers the type. Null if it does
    // not, or is damaged.
    private FoundCommit? TryReadCommit(long offset, Digest? hash = null, bool isFork = false) =>
        ReadCommitAt(offset) is { } commit && (hash is { } expected ? commit.Hash == expected : LogEntryTypes.IsFork(commit.Type) == isFork) ? commit : null;

    // The log only grows, and what was read of it was checked: so it is not read again by each list that one command makes.
    private FoundCommit? ReadCommitAt(long offset)
    {
        lock (readCommits)
        {
            if (readCommits.TryGetValue(offset, out FoundCommit? known))
                return known;
        }
        if (ReadCommitOfLog(offset) is not { } commit)
            return null;
        long bytes = CommitBytes + (commit.Entry.Added.Length + (long)commit.Entry.Dropped.Length) * CellId.Size;
        lock (readCommits)
        {
            if (readCommitBytes + bytes <= ReadCommitBytesMax && readCommits.TryAdd(offset, commit))
                readCommitBytes += bytes;
        }
        return commit;
    }

    private FoundCommit? ReadCommitOfLog(long offset)
    {
        try
        {
            LogEntry entry = Store.ReadEntry(offset);
            byte type = entry.Header.Type;
            if (!LogEntryTypes.IsCommit(type) && !LogEntryTypes.IsFork(type))
                return null;
            CommitEntry commit = CommitEntry.Read(entry.Payload.Span);
            return commit.Record.VaultId == Descriptor.VaultId ? new FoundCommit(commit, entry.Hash, offset, type) : null;
        }
        catch (VmPodException e) when (IsDamage(e))
        {
            return null;
        }
    }

    // What must be there. Where the log is damaged that cannot be told, and all that was ever added is looked for.
    private IEnumerable<CellId> CellsToVerify()
    {
        try
        {
            return FindNeeded([]).Cells.Enumerate();
        }
        catch (VmPodException e) when (IsDamage(e))
        {
            return CommittedCells();
        }
    }

    // Entries that cannot be read are what the log's own verification reports.
    private IEnumerable<CellId> CommittedCells() => Store.WalkLog(0).SelectMany(g => g.Entries)
        .Where(f => LogEntryTypes.IsCommit(f.Header.Type) || LogEntryTypes.IsFork(f.Header.Type))
        .SelectMany(f => TryReadCommit(f.Header.Offset, isFork: LogEntryTypes.IsFork(f.Header.Type))?.Entry.Added ?? []);

    private sealed record FoundCommit(CommitEntry Entry, Digest Hash, long Offset, byte Type)
    {
        // Its entry's type says that nobody with keys had looked into it when it was written.
        public bool IsMarked => Type is LogEntryTypes.PendingCommit or LogEntryTypes.PendingFork;

        public CommitRecord Record => Entry.Record;
    }
}
