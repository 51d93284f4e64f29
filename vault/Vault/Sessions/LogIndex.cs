using System.Runtime.InteropServices;
using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>Finds entries of the log by what they are: sessions by handle, leases by id, commits by generation. Thread-safe.</summary>
/// <remarks>
/// Places come from an index file and from the log behind what that covers; each is read and compared before it is given out. What is not found so is looked
/// for once more in the whole log: neither a stale file nor a damaged entry hides others. What an entry says is for its signature and keys to prove.
/// </remarks>
internal sealed class LogIndex(CellStore store, LogIndexFile file)
{
    private readonly Lock gate = new();
    private readonly List<LogMark> marks = [];
    private readonly Dictionary<(SessionHandle, ulong), long> leases = [];
    private readonly Dictionary<(SessionHandle, ulong), LeaseEntry> known = [];
    private long covered, savedCovered;
    private int saved;
    private bool isLoaded, isWhole;

    /// <summary>The payload of the entry at an offset, which must have this type.</summary>
    /// <exception cref="VmPodException">There is no such entry (exit 5).</exception>
    public ReadOnlySpan<byte> ReadPayload(ulong offset, byte type) =>
        offset <= long.MaxValue && store.ReadEntry((long)offset) is { } entry && entry.Header.Type == type
            ? entry.Payload.Span
            : throw new VmPodException(ExitCode.Damaged, "The vault's log names an entry that is not there.", "Run podkeeper verify; use a mirror.");

    /// <summary>The entry of a lease. Null if the log has none.</summary>
    /// <param name="session">Whose it is.</param>
    /// <param name="leaseId">Its id.</param>
    /// <param name="hint">Where a commit says that it stands: then no index is needed.</param>
    public LeaseEntry? FindLease(SessionHandle session, ulong leaseId, ulong? hint = null)
    {
        lock (gate)
        {
            if (known.TryGetValue((session, leaseId), out LeaseEntry? lease)
                || (hint <= long.MaxValue && TryReadLease(session, leaseId, (long)hint, out lease)))
                return lease;
            Load();
            if (leases.TryGetValue((session, leaseId), out long place) && TryReadLease(session, leaseId, place, out lease))
                return lease;
            LoadWhole();
            return leases.TryGetValue((session, leaseId), out place) && TryReadLease(session, leaseId, place, out lease) ? lease : null;
        }
    }

    /// <summary>Where the entry of a lease stands. Null if the log has none.</summary>
    public long? OffsetOfLease(SessionHandle session, ulong leaseId)
    {
        lock (gate)
        {
            Load();
            if (!leases.ContainsKey((session, leaseId)))
                LoadWhole();
            return leases.TryGetValue((session, leaseId), out long place) ? place : null;
        }
    }

    /// <summary>The ids of all leases that a session may have had, in the order of the log.</summary>
    public IReadOnlyList<ulong> AllLeases(SessionHandle session)
    {
        lock (gate)
        {
            LoadWhole();
            return [.. marks.Where(m => m.Type == LogEntryTypes.Lease && m.Session == session).Select(m => m.Number).Distinct()];
        }
    }

    /// <summary>Where the SESSION entry of a session may stand: in a sound log, one place.</summary>
    public IReadOnlyList<long> FindSessions(SessionHandle session) => Places(LogEntryTypes.Session, session, 0);

    /// <summary>Where EPOCH entries of a session may stand, as far as the index knows: a file of before they were marked has none.</summary>
    public IReadOnlyList<long> FindEpochs(SessionHandle session)
    {
        lock (gate)
        {
            Load();
            return [.. marks.Where(m => m.Type == LogEntryTypes.Epoch && m.Session == session).Select(m => m.Offset)];
        }
    }

    /// <summary>Where the commit of a generation may stand: in a sound log, one place.</summary>
    public IReadOnlyList<long> FindCommits(SessionHandle session, ulong generation) => Places(LogEntryTypes.Commit, session, generation);

    /// <summary>Where the fork of a lease may stand: in a sound log, one place.</summary>
    public IReadOnlyList<long> FindForks(SessionHandle session, ulong leaseId) => Places(LogEntryTypes.Fork, session, leaseId);

    /// <summary>Where commits that are no drafts, and forks, may stand that were pending when they were written, in the order of the log.</summary>
    public IReadOnlyList<long> AllPending(SessionHandle session)
    {
        lock (gate)
        {
            LoadWhole();
            return [.. marks.Where(m => m.Type is LogEntryTypes.PendingCommit or LogEntryTypes.PendingFork && m.Session == session).Select(m => m.Offset)];
        }
    }

    /// <summary>Where verdicts on a commit may stand, by where that stands.</summary>
    public IReadOnlyList<long> FindVerdicts(SessionHandle session, long commitOffset) => Places(LogEntryTypes.Verdict, session, (ulong)commitOffset);

    /// <summary>Where FORGETs of a commit may stand, by where that stands. Only what is known is asked: nearly always there is none, and the whole log
    /// would be read for it. Who needs to be sure asks <see cref="AllForgets"/>.</summary>
    public IReadOnlyList<long> FindForgets(SessionHandle session, long commitOffset)
    {
        lock (gate)
        {
            Load();
            return [.. marks.Where(m => m.Type == LogEntryTypes.Forget && m.Session == session && m.Number == (ulong)commitOffset).Select(m => m.Offset)];
        }
    }

    /// <summary>Where FORGETs of a session may stand, in the order of the log.</summary>
    public IReadOnlyList<long> AllForgets(SessionHandle session) => All(LogEntryTypes.Forget, session);

    /// <summary>Where commits of a session may stand that are no drafts, in the order of the log.</summary>
    public IReadOnlyList<long> AllCommits(SessionHandle session) => All(LogEntryTypes.Commit, session);

    /// <summary>Where forks of a session may stand, in the order of the log.</summary>
    public IReadOnlyList<long> AllForks(SessionHandle session) => All(LogEntryTypes.Fork, session);

    /// <summary>Where forks of a session may stand, as far as the index knows: for a word in passing, which may lack what a damaged file lacks.</summary>
    public IReadOnlyList<long> KnownForks(SessionHandle session)
    {
        lock (gate)
        {
            Load();
            return [.. marks.Where(m => IsOf(m, LogEntryTypes.Fork) && m.Session == session).Select(m => m.Offset)];
        }
    }

    /// <summary>Reads the whole log again: for who found that a place does not hold what the index said.</summary>
    public void Distrust()
    {
        lock (gate)
            LoadWhole();
    }

    /// <summary>Writes down what was learnt, for the next opening.</summary>
    public void Save()
    {
        lock (gate)
        {
            try
            {
                Load();
            }
            catch (Exception e) when (e is VmPodException or IOException or ObjectDisposedException)
            {
                // The disk failed: what is not written down is looked for in the log again.
                return;
            }
            if (saved == marks.Count && savedCovered == covered)
                return;
            file.Save(CollectionsMarshal.AsSpan(marks), saved, covered);
            (saved, savedCovered) = (marks.Count, covered);
        }
    }

    private List<long> All(byte type, SessionHandle session)
    {
        lock (gate)
        {
            // A list is asked for to see all there is: nothing that a file says may make it shorter.
            LoadWhole();
            return [.. marks.Where(m => IsOf(m, type) && m.Session == session).Select(m => m.Offset)];
        }
    }

    // Pending or not is not what is asked for.
    private static bool IsOf(LogMark mark, byte type) => mark.Type == type
        || (type == LogEntryTypes.Commit && mark.Type == LogEntryTypes.PendingCommit) || (type == LogEntryTypes.Fork && mark.Type == LogEntryTypes.PendingFork);

    private List<long> Places(byte type, SessionHandle session, ulong number)
    {
        lock (gate)
        {
            Load();
            List<long> places = [.. Matching()];
            if (places.Count > 0)
                return places;
            LoadWhole();
            return [.. Matching()];
        }

        IEnumerable<long> Matching() => marks.Where(m => IsOf(m, type) && m.Session == session && m.Number == number).Select(m => m.Offset);
    }

    private void Load()
    {
        if (!isLoaded)
        {
            (LogMark[] loaded, covered) = file.Load(store.LogBytes);
            foreach (LogMark mark in loaded)
                Add(mark);
            (saved, savedCovered) = (loaded.Length, covered);
            isLoaded = true;
        }
        Walk();
    }

    private void LoadWhole()
    {
        if (!isWhole)
        {
            marks.Clear();
            leases.Clear();
            (covered, savedCovered, saved) = (0, 0, 0);
            (isLoaded, isWhole) = (true, true);
        }
        Walk();
    }

    private void Walk()
    {
        if (covered >= store.LogBytes)
            return;
        foreach (LogGroup group in store.WalkLog(covered))
        {
            covered = group.Next;
            foreach (LogFrame frame in group.Entries)
            {
                if (LogMark.Of(frame) is { } mark)
                    Add(mark);
            }
        }
    }

    private void Add(LogMark mark)
    {
        marks.Add(mark);
        if (mark.Type == LogEntryTypes.Lease)
            leases[(mark.Session, mark.Number)] = mark.Offset;
    }

    private bool TryReadLease(SessionHandle session, ulong leaseId, long offset, out LeaseEntry? lease)
    {
        lease = null;
        try
        {
            LogEntry entry = store.ReadEntry(offset);
            lease = entry.Header.Type == LogEntryTypes.Lease ? LeaseEntry.TryRead(entry.Payload.Span) : null;
        }
        catch (VmPodException e) when (e is not StorePoisonedException && e.ExitCode == ExitCode.Damaged)
        {
            // No whole entry stands there.
        }
        if (lease is null || lease.Session != session || lease.LeaseId != leaseId)
            return false;
        known[(session, leaseId)] = lease;
        return true;
    }
}
