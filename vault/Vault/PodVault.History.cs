using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>The past of a session as a tree: what goes on from what, and which forks nobody has decided about.</summary>
public sealed partial class PodVault
{
    /// <summary>All generations and forks of a session, and what each goes on from. Needs no key. Reads every commit of the session.</summary>
    public SessionHistory HistoryOf(SessionHandle session)
    {
        IReadOnlyList<GenerationInfo> generations = ListGenerations(session);
        IReadOnlyList<ForkInfo> forks = ListForks(session);
        HashSet<Digest> listed = [.. generations.Select(g => g.Hash), .. forks.Select(f => f.Hash)];
        var parents = new Dictionary<Digest, Digest>();
        GenerationInfo? before = null;
        foreach (GenerationInfo generation in generations)
        {
            if (ParentOf(generation.Record, before, listed) is { } parent)
                parents[generation.Hash] = parent;
            before = generation;
        }
        foreach (ForkInfo fork in forks)
        {
            if (ForebearIn(fork.Record, listed) is { } parent)
                parents[fork.Hash] = parent;
        }
        SessionEntry? row = Store.Head.Find(session.Value);
        FoundCommit? tip = row is { TipOffset: >= 0 } ? TryReadCommit(row.TipOffset, row.TipHash) : null;
        Digest? head = tip is null ? (generations is [.., var newest] ? newest.Hash : null)
            : listed.Contains(tip.Hash) ? tip.Hash : ForebearIn(tip.Record, listed);
        HashSet<Digest> takenUp = [.. forks.Where(f => IsTakenUp(f, generations)).Select(f => f.Hash)];
        return new SessionHistory(generations, forks, takenUp, parents, head ?? Digest.Zero);
    }

    /// <summary>The forks of a session that nobody has decided about: neither forgotten nor gone on from. Needs no key.</summary>
    /// <param name="session">The session.</param>
    /// <param name="isHint">Asks the index alone: where it lacks a fork, so does this. For a word in passing, never for a list.</param>
    public IReadOnlyList<ForkInfo> ListOpenForks(SessionHandle session, bool isHint = false)
    {
        return isHint && log.KnownForks(session).Count == 0 ? [] : [.. WeighForks(session).Where(f => f.Waits).Select(f => f.Fork)];
    }

    /// <summary>The forks of a session, oldest first, and of each whether nobody has decided about it. Needs no key.</summary>
    public IReadOnlyList<(ForkInfo Fork, bool Waits)> WeighForks(SessionHandle session)
    {
        IReadOnlyList<ForkInfo> forks = ListForks(session);
        if (forks.Count == 0)
            return [];
        IReadOnlyList<GenerationInfo> generations = ListGenerations(session);
        return [.. forks.Select(f => (f, !IsTakenUp(f, generations)))];
    }

    /// <summary>Whom a lease was granted to, and when, by the pod's clock; null where its entry is damaged.</summary>
    public (UInt128 Host, ulong TimeMs)? LeaseOf(SessionHandle session, ulong leaseId) =>
        log.FindLease(session, leaseId) is { } lease ? (lease.Host, lease.TimeMs) : null;

    // A lease that began from it has committed something, or may still.
    private bool IsTakenUp(ForkInfo fork, IReadOnlyList<GenerationInfo> generations)
    {
        SessionHandle session = fork.Record.Session;
        Dictionary<ulong, LeaseEntry> from = log.AllLeases(session).Select(id => log.FindLease(session, id)).OfType<LeaseEntry>()
            .Where(l => l.Base == fork.Hash).ToDictionary(l => l.LeaseId);
        if (from.Count == 0)
            return false;
        SessionEntry? row = Store.Head.Find(session.Value);
        if ((row is { LeaseState: LeaseState.Open } && from.ContainsKey(row.LeaseId)) || generations.Any(g => from.ContainsKey(g.Record.LeaseId)))
            return true;
        // Its commits may all be drafts, which are in no index: back from the tip, past those of later leases.
        ulong oldest = from.Values.Min(l => l.Term);
        FoundCommit? at = row is { TipOffset: >= 0 } ? TryReadCommit(row.TipOffset, row.TipHash) : null;
        for (; at is not null && at.Record.Term >= oldest; at = BeforeIn(at.Record))
        {
            if (from.ContainsKey(at.Record.LeaseId))
                return true;
        }
        return false;
    }

    // Within a lease one commit follows the other, from what the lease began from on: mostly the drafts between need not be read.
    private Digest? ParentOf(CommitRecord record, GenerationInfo? before, HashSet<Digest> listed)
    {
        if (listed.Contains(record.Parent))
            return record.Parent;
        if (before is not null && before.Record.LeaseId == record.LeaseId)
            return before.Hash;
        return log.FindLease(record.Session, record.LeaseId, record.LeaseOffset) is { } lease && listed.Contains(lease.Base) ? lease.Base
            : ForebearIn(record, listed);
    }

    // The nearest of some commits that one goes on from.
    private Digest? ForebearIn(CommitRecord record, HashSet<Digest> listed)
    {
        if (listed.Contains(record.Parent))
            return record.Parent;
        FoundCommit? at = BeforeIn(record);
        while (at is not null && !listed.Contains(at.Hash))
            at = BeforeIn(at.Record);
        return at?.Hash;
    }
}
