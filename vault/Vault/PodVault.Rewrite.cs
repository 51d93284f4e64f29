using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.House;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.Vault;

/// <summary>
/// Storing a session's newest generation anew, under a lease of the pod itself (V-168 to V-170): squash stores all of it, the cleaner what stands in mostly
/// dead cells. The new generation has the same content, and takes the place of the old one in one commit.
/// </summary>
public sealed partial class PodVault
{
    // Tables are written whole, and what is stored anew is longer than was reckoned: less than a quarter of it, and than this, is not worth it.
    private const long CellsWonMin = 4;

    /// <summary>
    /// Stores the session's newest generation in new cells, which hold nothing else, and forgets all other generations in the same commit. Forks stay.
    /// </summary>
    /// <exception cref="VmPodException">No such session (3). Locked, its newest commit is pending, or is no checkpoint (4). Damaged (5). A lease is open (6).
    /// No space (8).</exception>
    public RewriteReport Squash(string name, UInt128 host, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        SessionSummary session = FindSession(name);
        if (session.Tip.Kind != GenerationKind.Checkpoint)
        {
            throw new VmPodException(ExitCode.Refused, $"The newest of session {name} is no checkpoint, and a squash would let the last one go.",
                "Resume it and suspend it once, then squash.");
        }
        long before = FindNeeded([]).Cells.Count;
        GenerationInfo[] gone = [.. ListGenerations(session.Handle)];
        CommitSummary commit = Rewrite(session, host, gone, static _ => true, progress, cancel);
        return ReportOf(name, commit, before, later: 0, gone.Length);
    }

    /// <summary>Moves the newest generation of a session out of cells that are mostly dead. Null if there is nothing to win, or a lease is open.</summary>
    /// <param name="name">The session.</param>
    /// <param name="host">This host's pseudonym.</param>
    /// <param name="bytesMax">Bytes of payloads that may be written, about.</param>
    /// <param name="isDryRun">Says what would be won, and does nothing.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancel">Stops it; the vault is as it was.</param>
    /// <exception cref="VmPodException">As for <see cref="Squash"/>.</exception>
    public RewriteReport? Clean(string name, UInt128 host, long bytesMax, bool isDryRun, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        SessionSummary session = FindSession(name);
        SessionEntry row = Store.Head.Find(session.Handle.Value)!;
        // A tip that is a draft is somebody's unfinished work, and what is pending is not ours to store anew.
        if (session.LeaseIsOpen || session.IsTipDamaged || row.TipHash != row.GenerationHash
            || ListGenerations(session.Handle) is not [.., { Trust: CommitTrust.Sound } newest] || newest.Hash != row.GenerationHash)
            return null;
        CleanPlan plan;
        long tables;
        int capacity = CellLayout.Capacity(Descriptor.CellBytes);
        using (SessionReader reader = OpenSession(name))
        {
            plan = CleanPlan.Make(reader.State, FindNeeded([newest.Hash]).Cells, FindPassing(session.Handle, newest), capacity, bytesMax, cancel);
            tables = (long)(reader.State.Map.Bytes + reader.State.Tags.Bytes) / capacity;
        }
        long cost = plan.BytesMoved / capacity + tables + 1;
        if (plan.CellsFreed + plan.CellsLater - cost < Math.Max(CellsWonMin, cost / 4))
            return null;
        if (isDryRun)
            return new RewriteReport(name, newest.Record.Generation, cost, plan.CellsFreed, plan.CellsLater, 1);
        long before = FindNeeded([]).Cells.Count;
        CommitSummary commit = Rewrite(session, host, [newest], plan.Moved.Contains, progress, cancel);
        return ReportOf(name, commit, before, plan.CellsLater, 1);
    }

    // Cells that were there before the oldest generation that is kept, and that only generations need: those of their own time were let go, and so will be
    // those that hold them now. In a session that forgets nothing there are none.
    private LiveSet FindPassing(SessionHandle session, GenerationInfo newest)
    {
        IReadOnlyList<GenerationInfo> kept = ListGenerations(session);
        var old = new NeededCells(new LiveSet(), []);
        GenerationInfo? oldest = kept.FirstOrDefault(g => g.Hash != newest.Hash);
        if (oldest is not null && BeforeIn(oldest.Record) is { } before)
            AddLines(old, new() { [before.Hash] = before });
        LiveSet others = FindNeeded([.. kept.Select(g => g.Hash)]).Cells, passing = new();
        foreach (CellId id in old.Cells.Enumerate().Where(id => !others.Contains(id)))
            _ = passing.Add(id);
        return passing;
    }

    private CommitSummary Rewrite(SessionSummary session, UInt128 host, IReadOnlyList<GenerationInfo> gone, Func<ChunkKey, bool> rewrites,
        IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        // Those that do not fit one commit go first: the one that the rewriting goes on from goes with it.
        GenerationInfo[] newestFirst = [.. gone.OrderByDescending(g => g.Offset)];
        using SessionLease lease = NewLease(session.Name ?? session.Handle.ToString(), create: false, host, default,
            [.. newestFirst.Take(ForgetsOfOneCommit - 1).Select(Superseded)], keepsReserve: true);
        try
        {
            if (lease.Reader!.State.EntryHash != newestFirst[0].Hash)
                throw new VmPodException(ExitCode.Busy, "The session went on meanwhile.", "Try again.");
            CommitSummary commit = SnapshotWriter.Rewrite(lease, rewrites, progress, cancel);
            foreach (SupersededCommit[] part in newestFirst.Skip(ForgetsOfOneCommit - 1).Select(Superseded).Chunk(ForgetsOfOneCommit))
            {
                lock (gate)
                    Store.Commit(ForgetsOf(part), context => Draft(context, context.Previous!.Find(session.Handle.Value) ?? throw Broken()));
            }
            return commit;
        }
        catch
        {
            lease.Close();
            throw;
        }

        SupersededCommit Superseded(GenerationInfo generation) => new(session.Handle, generation.Offset, generation.Hash);
    }

    private RewriteReport ReportOf(string name, CommitSummary commit, long before, long later, int forgotten)
    {
        long after = FindNeeded([]).Cells.Count;
        return new RewriteReport(name, commit.Record.Generation, commit.CellsAdded, before + commit.CellsAdded - after, later, forgotten);
    }
}
