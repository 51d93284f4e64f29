using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>What a fork and its session differ in: how far they are apart, which the lists of their commits tell, and in what, which wants keys.</summary>
public sealed partial class PodVault
{
    /// <summary>How far a fork and its session are apart. Needs no key. Null where the session's newest commit is damaged.</summary>
    public ForkDistance? DistanceOf(ForkInfo fork)
    {
        SessionHandle session = fork.Record.Session;
        SessionEntry? row = Store.Head.Find(session.Value);
        if (row is not { TipOffset: >= 0 } || TryReadCommit(row.TipOffset, row.TipHash) is not { } head
            || TryReadCommit(fork.Offset, fork.Hash) is not { } left)
            return null;
        FoundCommit? a = left, b = head;
        // A parent stands before its child in the log.
        while (a is not null && b is not null && a.Hash != b.Hash)
        {
            if (a.Offset > b.Offset)
                a = BeforeIn(a.Record);
            else
                b = BeforeIn(b.Record);
        }
        FoundCommit? ancestor = a is not null && b is not null ? a : null;
        (UInt128 Host, ulong TimeMs)? lease = LeaseOf(session, fork.LeaseId);
        return new ForkDistance(fork, lease?.Host ?? 0, lease?.TimeMs, ancestor?.Record, head.Record, Since(left, ancestor), Since(head, ancestor))
        {
            AncestorPlace = ancestor is null ? null : (ancestor.Offset, ancestor.Hash),
        };
    }

    /// <summary>In which files, and in how many chunks of them, a fork and its session differ.</summary>
    /// <param name="name">The session.</param>
    /// <param name="distance">What is compared.</param>
    /// <param name="progress">Told how many chunks were looked at.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="VmPodException">Locked (4). The fork was refused, or one of the two is damaged (5).</exception>
    public ForkContents ContentsOf(string name, ForkDistance distance, IProgress<long>? progress, CancellationToken cancel)
    {
        SessionSummary session = FindSession(name);
        FoundCommit fork = TryReadCommit(distance.Fork.Offset, distance.Fork.Hash) ?? throw Broken();
        MustNotBeRefused(name, fork);
        SessionEntry row = Store.Head.Find(session.Handle.Value)!;
        FoundCommit head = TryReadCommit(row.TipOffset, row.TipHash) ?? throw Broken();
        FoundCommit? ancestor = distance.AncestorPlace is { } place ? TryReadCommit(place.Offset, place.Hash) : null;
        using SessionKeys keys = KeysOf(session);
        using PayloadReader payloads = NewReader(keys, session.Handle);
        SessionReader Open(FoundCommit commit) => new(name, session.Handle, keys, payloads, LoadState(commit, payloads));
        try
        {
            return new ForkComparison(Open(fork), Open(head), ancestor is null ? null : Open(ancestor), progress, cancel).Run();
        }
        catch (VmPodException e) when (ancestor is not null && IsDamage(e))
        {
            // An unlisted commit's cells may be freed (V-162). If it is one of the two themselves that does not read, it does not now either.
            return new ForkComparison(Open(fork), Open(head), null, progress, cancel).Run();
        }
    }

    // What a line has that an earlier commit of it had not, by its lists: in memory that grows with the difference, not with the session.
    private LineCells Since(FoundCommit newest, FoundCommit? ancestor)
    {
        var line = new List<(long Offset, Digest Hash)>();
        for (FoundCommit? at = newest; at is not null && at.Hash != ancestor?.Hash; at = BeforeIn(at.Record))
            line.Add((at.Offset, at.Hash));
        HashSet<CellId> added = [];
        long dropped = 0;
        for (int i = line.Count - 1; i >= 0; i--)
        {
            if (TryReadCommit(line[i].Offset, line[i].Hash) is not { } commit)
                continue;
            added.UnionWith(commit.Entry.Added);
            dropped += commit.Entry.Dropped.Count(id => !added.Remove(id));
        }
        return new LineCells(line.Count, added.Count, dropped);
    }
}
