using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>Leases that other machines hold.</summary>
public sealed partial class PodVault
{
    /// <summary>Begins a lease that another machine will hold.</summary>
    /// <param name="name">The session.</param>
    /// <param name="create">Whether it may be made.</param>
    /// <param name="host">What this vault calls that machine.</param>
    /// <param name="signer">The public key, 32 bytes, that the machine will sign its commits with.</param>
    /// <param name="generation">The generation to go on from; null for the newest.</param>
    /// <param name="tip">Goes on from the tip instead, draft or not.</param>
    /// <param name="cellsMax">Cells that it may send (rule 31).</param>
    /// <param name="fork">The fork to go on from instead, by the id of the lease that left it.</param>
    /// <param name="isForeign">True for a machine that its owner does not trust with what it writes: its commits are pending (rule 29).</param>
    /// <exception cref="VmPodException">As for <see cref="BeginLease"/>.</exception>
    public GrantedLease GrantLease(string name, bool create, UInt128 host, ReadOnlySpan<byte> signer, ulong? generation, bool tip, long cellsMax,
        ulong? fork = null, bool isForeign = false)
    {
        OpenedLease opened = OpenLease(name, create, host, new LeaseBegin(generation, tip, fork), signer.ToArray());
        opened.Payloads.Dispose();
        GrantedLease.Standing start = opened.State is { } state
            ? new GrantedLease.Standing(ReadCommit(state.EntryOffset, state.EntryHash), state.EntryHash, state.EntryOffset) : default;
        return new GrantedLease(this, name, opened.Entry, opened.Terms, opened.Keys, opened.LeaseKey, start, cellsMax,
            isForeign: isForeign);
    }

    /// <summary>
    /// Takes up a lease again: its host comes back after a lost link, or hands in what it could not send. Needs no key; without one the lease can be written
    /// to, not read from. One that is not open any more takes a fork only (<see cref="GrantedLease.IsOpen"/>).
    /// </summary>
    /// <exception cref="VmPodException">There is no such lease, or it is another host's (6).</exception>
    public GrantedLease AttachLease(SessionHandle session, ulong leaseId, ulong term, UInt128 host, long cellsMax, bool isForeign = false)
    {
        lock (gate)
        {
            SessionEntry? row = Store.Head.Find(session.Value);
            LeaseEntry? entry = log.FindLease(session, leaseId);
            if (row is null || entry is null || row.LeaseId != leaseId || row.LeaseState != LeaseState.Open || row.Fence != term || entry.Term != term
                || entry.Host != host || log.OffsetOfLease(session, leaseId) is not { } leaseOffset)
            {
                return AttachClosed(row, entry, log.OffsetOfLease(session, leaseId), term, host, cellsMax, isForeign) ?? throw new VmPodException(ExitCode.Busy,
                    "This lease is not open any more: its owner ended it, or another host has the session now.", "What the host still holds stays there.");
            }
            CommitEntry? tip = row.TipOffset >= 0 ? ReadCommit(row.TipOffset, row.TipHash) : null;
            GrantedLease.Standing standing = tip is null || tip.Record.LeaseId == leaseId || row.TipHash == entry.Base
                ? new GrantedLease.Standing(tip, row.TipHash, row.TipOffset) : StandingOf(session, entry.Base);
            SessionKeys? keys = vaultKey is not null && NameEntry(session, entry.SessionOffset)?.UnwrapKey(vaultKey, Descriptor.VaultId) is { } key
                ? new SessionKeys(Descriptor, session, key, log) : null;
            lock (discardGate)
                begun.Add(leaseId);
            var terms = new LeaseTerms(Descriptor.VaultId, session, term, entry.SessionOffset, (ulong)leaseOffset, tip?.Record.Generation ?? 0,
                tip?.Record.Number ?? 0);
            return new GrantedLease(this, IsUnlocked ? NameOf(session, entry.SessionOffset) : null, entry, terms, keys, null, standing, cellsMax,
                isForeign: isForeign, isTakenUp: true);
        }
    }

    private GrantedLease.Standing StandingOf(SessionHandle session, Digest commit)
    {
        long offset = ListGenerations(session).FirstOrDefault(g => g.Hash == commit)?.Offset
            ?? ListForks(session).FirstOrDefault(f => f.Hash == commit)?.Offset ?? throw Broken();
        return new GrantedLease.Standing(ReadCommit(offset, commit), commit, offset);
    }

    /// <summary>A commit as a host gets it to go on from.</summary>
    internal BaseCommit BaseOf(CommitEntry commit, Digest hash, long offset) => new(commit.Record, commit.Signature, hash, offset,
        (log.FindLease(commit.Record.Session, commit.Record.LeaseId, commit.Record.LeaseOffset) ?? throw Broken()).ToBytes());

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

    private CommitEntry ReadCommit(long offset, Digest hash) => TryReadCommit(offset, hash)?.Entry ?? throw new VmPodException(ExitCode.Damaged,
        "A commit in the vault's log is damaged.", "Run podkeeper verify; use a mirror.");
}
