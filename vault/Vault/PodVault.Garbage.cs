using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.House;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>Garbage collection (rule 12, V-161 to V-165): frees the cells that no commit needs which somebody may open. Needs no key.</summary>
public sealed partial class PodVault
{
    /// <summary>How long the host of a lease that was not ended in order may still hand in what it holds.</summary>
    public static readonly TimeSpan LeaseExpiry = TimeSpan.FromDays(7);

    /// <summary>Frees what nobody needs; leases go on meanwhile.</summary>
    /// <param name="isDryRun">Says what would be freed, and frees nothing.</param>
    /// <param name="progress">Told how many cells were looked at.</param>
    /// <param name="cancel">Stops it: nothing is lost, and what was not freed is freed next time.</param>
    /// <exception cref="VmPodException">The log or a needed cell is damaged, so that it cannot be told what is needed: nothing was freed (5). No space for
    /// the map of what is freed (8).</exception>
    public GarbageReport CollectGarbage(bool isDryRun, IProgress<VerifyProgress>? progress, CancellationToken cancel)
    {
        if (!Store.IsLogSound(cancel))
        {
            throw new VmPodException(ExitCode.Damaged, "The vault's log is damaged: it cannot be told what is needed, and nothing was freed.",
                "Run podkeeper verify; restore the log from a mirror or a backup.");
        }
        NeededCells needed;
        lock (gate)
            needed = FindNeeded([]);
        // Where there are no holes, cells are stored anew before a commit names their places: nobody may cut them off.
        object mover = new();
        BeginAppending(mover);
        try
        {
            FreeReport freed = Store.Free(new FreeRequest
            {
                Needed = needed.Cells,
                IsHeld = needed.Leases.Contains,
                Head = Unchanged,
                IsDryRun = isDryRun,
                Progress = progress,
            }, cancel);
            return new GarbageReport(freed, needed.Cells.Count, needed.Leases.Count);
        }
        finally
        {
            EndAppending(mover);
        }
    }

    // What is needed of all sessions, were these commits forgotten as well.
    private NeededCells FindNeeded(HashSet<Digest> gone)
    {
        var needed = new NeededCells(new LiveSet(), []);
        foreach (SessionEntry row in Store.Head.Sessions)
        {
            var session = new SessionHandle(row.Handle);
            var wanted = new Dictionary<Digest, FoundCommit>();
            foreach (FoundCommit commit in Openable(session, row, needed.Leases).Where(c => !gone.Contains(c.Hash)))
                wanted.TryAdd(commit.Hash, commit);
            AddLines(needed, wanted);
        }
        return needed;
    }

    private void AddLines(NeededCells needed, Dictionary<Digest, FoundCommit> wanted)
    {
        HashSet<Digest> done = [];
        foreach (FoundCommit newest in wanted.Values.OrderByDescending(c => c.Offset))
        {
            if (done.Contains(newest.Hash))
                continue;
            var line = new List<(CommitEntry, Digest)>();
            for (FoundCommit commit = newest; ; commit = BeforeIn(commit.Record) ?? throw Broken())
            {
                line.Add((commit.Entry, commit.Hash));
                done.Add(commit.Hash);
                if (commit.Record.ParentOffset == ulong.MaxValue)
                    break;
            }
            if (!needed.AddLine(line, wanted.ContainsKey))
                throw Broken();
        }
    }

    // V-162: every commit of a session that may be opened, or that a lease may go on from; and the leases that may still name what they sent.
    private IEnumerable<FoundCommit> Openable(SessionHandle session, SessionEntry row, HashSet<ulong> leases)
    {
        foreach (GenerationInfo generation in ListGenerations(session))
            yield return TryReadCommit(generation.Offset, generation.Hash) ?? throw Broken();
        foreach (ForkInfo fork in ListForks(session))
            yield return TryReadCommit(fork.Offset, fork.Hash) ?? throw Broken();
        if (row.TipOffset >= 0)
        {
            FoundCommit tip = TryReadCommit(row.TipOffset, row.TipHash) ?? throw Broken();
            yield return tip;
            // A host that never heard that its commit was taken makes another in its place. Of a lease that has made none it is the base that is needed.
            if (row.LeaseState == LeaseState.Open && tip.Record.LeaseId == row.LeaseId && BeforeIn(tip.Record) is { } before)
                yield return before;
        }
        foreach (PendingInfo pending in ListPending(session))
        {
            if (TryReadCommit(pending.Offset, pending.Hash) is { } commit && Trusted(commit) is { } trusted)
                yield return trusted;
        }
        foreach (LeaseEntry lease in UnendedLeases(session, row))
        {
            leases.Add(lease.LeaseId);
            if (lease.Base != Digest.Zero)
                yield return CommitByHash(session, row, lease.Base) ?? throw Broken();
        }
    }

    // The nearest forebear that can be relied on: what a pending commit is looked into against (V-98). A draft is needed as long as the commit that goes on
    // from it is not looked into. Behind one that was forgotten since then it is not any more, and its cells may be freed.
    private FoundCommit? Trusted(FoundCommit commit)
    {
        bool isBehindForgotten = false;
        for (FoundCommit? trusted = BeforeIn(commit.Record); trusted is not null; trusted = BeforeIn(trusted.Record))
        {
            bool isForgotten = IsForgotten(trusted);
            if (TrustIn(trusted) == CommitTrust.Sound && !isForgotten && !(isBehindForgotten && trusted.Record.Kind == GenerationKind.Draft))
                return trusted;
            isBehindForgotten |= isForgotten;
        }
        return null;
    }

    // The lease that is open, and those of the last seven days that did not end in order: their hosts may come back.
    private List<LeaseEntry> UnendedLeases(SessionHandle session, SessionEntry row)
    {
        ulong now = NowMs(), expiry = (ulong)LeaseExpiry.TotalMilliseconds, since = now > expiry ? now - expiry : 0;
        Dictionary<ulong, LeaseEntry> found = log.AllLeases(session).Select(id => log.FindLease(session, id)).OfType<LeaseEntry>()
            .Where(l => l.TimeMs >= since || IsOpen(l)).ToDictionary(l => l.LeaseId);
        if (found.Values.Any(l => !IsOpen(l)))
        {
            foreach (SessionEntry after in RowsSince(session, found.Keys.Min(id => log.OffsetOfLease(session, id) ?? 0)))
            {
                if (after.LeaseState == LeaseState.None && found.TryGetValue(after.LeaseId, out LeaseEntry? lease) && after.Term == lease.Term)
                    found.Remove(after.LeaseId);
            }
        }
        return [.. found.Values];

        bool IsOpen(LeaseEntry lease) => row.LeaseState == LeaseState.Open && row.LeaseId == lease.LeaseId;
    }

    // What the heads said of a session from an offset of the log on.
    private IEnumerable<SessionEntry> RowsSince(SessionHandle session, long offset)
    {
        foreach (LogGroup group in Store.WalkLog(0).Where(g => g.Next > offset))
        {
            LogEntry head = Store.ReadEntry(group.Entries.Count > 0 ? group.Entries[^1].Header.Next : group.Offset);
            if (head.Header.Type == HeadRecord.EntryType && HeadRecord.Parse(head.Payload.Span).Find(session.Value) is { } row)
                yield return row;
        }
    }

    // A lease began from a generation, a fork, or a draft that was the tip then.
    private FoundCommit? CommitByHash(SessionHandle session, SessionEntry row, Digest hash)
    {
        FoundCommit? Found(long offset, bool isFork) => TryReadCommit(offset, isFork: isFork) is { } commit && commit.Hash == hash ? commit : null;

        if ((log.AllCommits(session).Reverse().Select(o => Found(o, false)).FirstOrDefault(c => c is not null)
            ?? log.AllForks(session).Select(o => Found(o, true)).FirstOrDefault(c => c is not null)) is { } listed)
            return listed;
        FoundCommit? at = row.TipOffset >= 0 ? TryReadCommit(row.TipOffset, row.TipHash) : null;
        while (at is not null && at.Hash != hash)
            at = BeforeIn(at.Record);
        // One that nobody went on from is in no index and on no line: a head of then says where it stands.
        return at ?? RowsSince(session, 0).Where(r => r.TipHash == hash).Select(r => TryReadCommit(r.TipOffset, hash)).FirstOrDefault(c => c is not null);
    }

    // A head that says what the one before said.
    private HeadDraft Unchanged(CommitContext context)
    {
        lock (discardGate)
            return new(0, (long)NowMs(), [.. context.Previous!.Sessions.Where(IsKept)]);
    }
}
