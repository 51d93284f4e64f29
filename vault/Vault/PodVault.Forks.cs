using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>
/// Forks: commits of leases that were not open any more when they came (V-90 to V-94). They stand in the log beside the session's line, move nothing, and can
/// be read and gone on from.
/// </summary>
public sealed partial class PodVault
{
    // Of a message: the newest.
    private const int ForksNamed = 4;

    /// <summary>The forks of a session that are sound and not forgotten, oldest first. Needs no key.</summary>
    public IReadOnlyList<ForkInfo> ListForks(SessionHandle session) =>
    [
        .. log.AllForks(session).Select(offset => TryReadCommit(offset, isFork: true)).OfType<FoundCommit>()
            .Where(f => f.Record.Session == session && IsSigned(f.Entry) && !IsForgotten(f))
            .Select(f => new ForkInfo(f.Record.LeaseId, f.Record, ParentOf(f.Record), f.Offset, f.Hash, TrustIn(f))),
    ];

    /// <summary>
    /// Lets the host of a lease that is not open any more hand in what it could not send. Needs no key; gives none. Null if this lease is not one that may.
    /// </summary>
    private GrantedLease? AttachClosed(SessionEntry? row, LeaseEntry? entry, long? leaseOffset, ulong term, UInt128 host, long cellsMax,
        bool isForeign)
    {
        // A session without a commit is let go with its lease (see Draft): there is nothing that a fork could stand beside.
        if (row is not { TipOffset: >= 0 } || entry is null || leaseOffset is not { } offset || entry.Term != term || entry.Host != host
            || OwnerKey() is not { } owner || !SigningKey.Verify(owner, entry.SignedBytes(Descriptor.VaultId), entry.OwnerSignature))
            return null;
        SessionKeys? keys = vaultKey is not null && NameEntry(entry.Session, entry.SessionOffset)?.UnwrapKey(vaultKey, Descriptor.VaultId) is { } key
            ? new SessionKeys(Descriptor, entry.Session, key, log) : null;
        var terms = new LeaseTerms(Descriptor.VaultId, entry.Session, term, entry.SessionOffset, (ulong)offset, 0, 0);
        FoundCommit? left = TryFindFork(entry.Session, entry.LeaseId);
        GrantedLease.Standing standing = left is null ? default : new GrantedLease.Standing(left.Entry, left.Hash, left.Offset);
        return new GrantedLease(this, IsUnlocked ? NameOf(entry.Session, entry.SessionOffset) : null, entry, terms, keys, null, standing, cellsMax,
            isOpen: false, isForeign, isTakenUp: true);
    }

    /// <summary>The live cells of what a fork goes on from: the commit that its lease began from, or one of the lease's own. Null if it is neither.</summary>
    internal LiveSet? LiveBeforeFork(CommitRecord fork, LeaseEntry lease)
    {
        if (fork.Parent == Digest.Zero && fork.ParentOffset == ulong.MaxValue)
            return lease.Base == Digest.Zero ? new LiveSet() : null;
        if (BeforeIn(fork) is not { } parent || parent.Record.Session != lease.Session || fork.Number <= parent.Record.Number
            || fork.Number - parent.Record.Number > FormatLimits.BatchesOfOneCommitMax
            || (parent.Hash != lease.Base && parent.Record.LeaseId != lease.LeaseId))
            return null;
        return LiveSetOf(parent.Offset, parent.Hash);
    }

    /// <summary>Writes a fork down, if it was not taken before; the session's row stays as it is.</summary>
    /// <exception cref="VmPodException">The lease left another fork (4). There are too many (8).</exception>
    internal (Digest Hash, long Offset) CommitFork(CommitEntry fork, LeaseEntry lease, bool isPending)
    {
        lock (gate)
        {
            if (FindTaken(fork) is { } known)
                return known;
            if (log.AllForks(lease.Session).Count >= FormatLimits.ForksMax)
            {
                throw new VmPodException(ExitCode.NoSpace, $"The session has {FormatLimits.ForksMax} forks, which is as many as there may be.",
                    "What the host holds stays there.");
            }
            // The first commit of a session goes on from nothing, and so does a fork that would have taken its place.
            isPending |= BeforeIn(fork.Record) is { } parent && TrustIn(parent) == CommitTrust.Pending;
            byte type = isPending ? LogEntryTypes.PendingFork : LogEntryTypes.Fork;
            CommitResult result = Store.Commit([new PendingEntry(type, fork.ToBytes())], context =>
            {
                SessionEntry row = context.Previous!.Find(lease.Session.Value) ?? throw Broken();
                return row.LeaseId == lease.LeaseId && row.LeaseState == LeaseState.Open
                    ? throw new InvalidOperationException("A lease that is open leaves no fork.") : Draft(context, row);
            });
            return (result.Entries[0].Hash, result.Entries[0].Offset);
        }
    }

    // Where a commit of a lease that is not open stands already: as a commit, whose answer its host never heard, or as its fork.
    private (Digest Hash, long Offset)? FindTaken(CommitEntry commit)
    {
        byte[] bytes = commit.ToBytes();
        CommitRecord record = commit.Record;
        if (TryFindFork(record.Session, record.LeaseId) is { } fork)
        {
            return fork.Entry.ToBytes().AsSpan().SequenceEqual(bytes) ? (fork.Hash, fork.Offset) : throw new VmPodException(ExitCode.Refused,
                $"This lease left {ForkName.Of(record.LeaseId)} already, and hands in another.", "A lease leaves one fork.");
        }
        // As a commit it may have been pending, or not.
        Digest[] hashes = [DomainHash.OfEntry(LogEntryTypes.Commit, bytes), DomainHash.OfEntry(LogEntryTypes.PendingCommit, bytes)];
        foreach (long offset in log.FindCommits(record.Session, record.Generation))
        {
            if (TryReadCommit(offset) is { } there && hashes.Contains(there.Hash))
                return (there.Hash, offset);
        }
        // A draft is in no index: back from the tip, past the commits of later leases.
        SessionEntry? row = Store.Head.Find(record.Session.Value);
        FoundCommit? at = row is { TipOffset: >= 0 } ? TryReadCommit(row.TipOffset, row.TipHash) : null;
        for (; at is not null && at.Record.Term >= record.Term; at = BeforeIn(at.Record))
        {
            if (hashes.Contains(at.Hash))
                return (at.Hash, at.Offset);
        }
        return null;
    }

    private FoundCommit FindFork(string name, SessionHandle session, ulong leaseId)
    {
        if (TryFindFork(session, leaseId) is { } fork)
            return Kept(fork);
        log.Distrust();
        if ((fork = TryFindFork(session, leaseId)) is not null)
            return Kept(fork);
        throw log.FindForks(session, leaseId).Count > 0
            ? new VmPodException(ExitCode.Damaged,
                $"{ForkName.Of(leaseId)} of session {name} is damaged: its entry in the vault's log is not what was written.",
                "Generations and other forks can be opened. Restore the log from a mirror or a backup to have this one back.")
            : new VmPodException(ExitCode.NotFound, $"The session has no {ForkName.Of(leaseId)}.", NamesOfForks(session));

        FoundCommit Kept(FoundCommit found) => IsForgotten(found) ? throw Gone(name, ForkName.Of(leaseId)) : found;
    }

    // Whoever asks may be on another machine than the pod.
    private string NamesOfForks(SessionHandle session)
    {
        IReadOnlyList<ForkInfo> there = ListForks(session);
        return there.Count == 0 ? "It has none. podkeeper sessions DIR SESSION shows what it has."
            : $"It has {string.Join(", ", there.Reverse().Take(ForksNamed).Select(f => ForkName.Of(f.LeaseId)))}"
                + $"{(there.Count > ForksNamed ? $" and {there.Count - ForksNamed} more" : "")}: podkeeper forks DIR SESSION shows them.";
    }

    private FoundCommit? TryFindFork(SessionHandle session, ulong leaseId) => log.FindForks(session, leaseId)
        .Select(offset => TryReadCommit(offset, isFork: true))
        .FirstOrDefault(f => f is not null && f.Record.Session == session && f.Record.LeaseId == leaseId && IsSigned(f.Entry));

    private FoundCommit? BeforeIn(CommitRecord record) =>
        record.ParentOffset <= long.MaxValue ? TryReadCommit((long)record.ParentOffset, record.Parent) : null;

    private CommitRecord? ParentOf(CommitRecord record) => BeforeIn(record)?.Record;
}
