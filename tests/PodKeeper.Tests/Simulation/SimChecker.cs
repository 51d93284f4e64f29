using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>The rules that always hold of a pod, held against it after each message, after each restart, and now and then as a whole.</summary>
internal sealed class SimChecker(SimModel model)
{
    private readonly Dictionary<int, UInt128> handles = [];
    private HeadRecord? last;
    private WitnessedHead? witness;

    /// <summary>Whether anything was ever committed to a session.</summary>
    internal bool HasCommits(SessionHandle session) => last?.Find(session.Value) is { TipOffset: >= 0 };

    internal bool IsOpen(SimLease lease) => last?.Find(lease.Handle.Value) is { LeaseState: LeaseState.Open } row && row.LeaseId == lease.Id;

    /// <summary>What the head says now follows from what it said: cheap enough for each message.</summary>
    internal void Look(CellStore store)
    {
        HeadRecord head = store.Head;
        if (last is { } before && head.Seq == before.Seq && witness!.Hash == store.HeadHash)
            return;
        Require(last is null || head.Seq > last.Seq, $"head {head.Seq} after {last?.Seq}");
        foreach (SessionEntry row in head.Sessions)
        {
            SessionEntry? was = last?.Find(row.Handle);
            Require(was is null || (row.Term >= was.Term && row.Fence >= was.Fence && row.Commits >= was.Commits), "a term, a fence or a count went back");
            if (row.TipOffset >= 0 && row.TipHash != (was?.TipHash ?? Digest.Zero))
                CheckMove(was, row);
        }
        foreach (SessionEntry was in last?.Sessions ?? [])
            Require(was.TipOffset < 0 || head.Find(was.Handle) is not null, "a session with commits is gone");
        last = head;
        witness = WitnessedHead.Of(store);
    }

    /// <summary>After a restart: what the pod had shown or told before is there, and at most what was under way beside it.</summary>
    internal void Restarted(CellStore store)
    {
        Require(!store.NewestHeadLost, "the newest head is lost");
        if (witness is { } seen)
        {
            WitnessVerdict verdict = seen.Judge(store, CancellationToken.None);
            Require(verdict is WitnessVerdict.Same or WitnessVerdict.Newer, $"after a restart the pod is {verdict}");
        }
        Look(store);
    }

    /// <summary>Everything: cells and log without keys, each commit that was told, each generation and fork, and with keys what they hold.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="readsAll">Reads all generations, not just some.</param>
    /// <param name="random">Which.</param>
    internal void CheckAll(SimPod pod, bool readsAll, SimRandom random)
    {
        VerifyReport report = pod.Pod.Vault.Verify(null, CancellationToken.None);
        Require(report.IsSound, $"verify: {report.DamagedCount} damaged, {report.MissingCount} missing, log {report.LogDamage ?? "sound"}");
        foreach (SimVersion version in model.Versions)
        {
            if (version.Told is not { } told)
                continue;
            LogEntry entry = pod.Store.ReadEntry(told.Offset);
            Require(entry.Hash == told.Hash, $"{version} was acknowledged, and is not in the log");
        }
        foreach (SessionEntry row in pod.Store.Head.Sessions.Where(r => r.TipOffset >= 0))
            CheckSession(pod, row, readsAll, random);
    }

    private void CheckSession(SimPod pod, SessionEntry row, bool readsAll, SimRandom random)
    {
        var session = new SessionHandle(row.Handle);
        IReadOnlyList<GenerationInfo> generations = pod.Pod.Vault.ListGenerations(session);
        IReadOnlyList<ForkInfo> forks = pod.Pod.Vault.ListForks(session);
        var listed = new HashSet<SimVersion>();
        foreach ((Digest hash, CommitTrust trust) in generations.Select(g => (g.Hash, g.Trust)).Concat(forks.Select(f => (f.Hash, f.Trust))))
        {
            SimVersion version = Known(hash);
            listed.Add(version);
            Require(trust != CommitTrust.Refused, $"{version} was refused");
        }
        foreach (SimVersion version in model.Versions.Where(v => v.Lease.Handle == session && v.Told is not null && v.Kind != GenerationKind.Draft))
            Require(version.IsForgotten || listed.Contains(version), $"{version} was acknowledged, and is not listed");
        foreach (ForkInfo fork in forks)
            Require(Known(fork.Hash) is { } left && left.AsFork.Contains(fork.Hash) && left.Lease.Id == fork.LeaseId, "a fork is not by its name");
        // Count and root of what lives are those that were signed (throws if not).
        pod.Pod.Vault.LiveSetOf(row.TipOffset, row.TipHash);
        if (!pod.IsUnlocked)
            return;
        Read(pod, session, row.TipHash, null, tip: true, null);
        foreach (GenerationInfo generation in generations.Where(_ => readsAll || random.PerMille(200)))
            Read(pod, session, generation.Hash, generation.Record.Generation, tip: false, null);
        foreach (ForkInfo fork in forks.Where(_ => readsAll || random.PerMille(500)))
            Read(pod, session, fork.Hash, null, tip: false, fork.LeaseId);
    }

    private void Read(SimPod pod, SessionHandle session, Digest hash, ulong? generation, bool tip, ulong? fork)
    {
        SimVersion version = Known(hash);
        using SessionReader reader = pod.Pod.Vault.OpenSession(session.ToString(), generation, tip, fork);
        // Of several with one number the newest is opened.
        if (reader.Record.LeaseId != version.Lease.Id || reader.Record.Number != version.Number)
            return;
        Span<byte> bytes = stackalloc byte[SimContent.FileBytes];
        for (int file = 0; file < SimContent.Files; file++)
        {
            reader.ReadChunk(SimContent.Streams[file], 0, bytes);
            Require(bytes.SequenceEqual(SimContent.Bytes(version.Content[file])), $"f{file + 1} of {version} holds other bytes than its host put");
        }
    }

    // The head goes along parents, under leases that are open; one lease's newest commit may take the place of one that its host never heard of.
    private void CheckMove(SessionEntry? was, SessionEntry row)
    {
        SimVersion now = Known(row.TipHash);
        SimLease lease = now.Lease;
        Require(now.AsCommit.Contains(row.TipHash), $"{now} is a fork, and became the tip");
        Require(row.LeaseId == lease.Id && row.Handle == lease.Handle.Value, $"{now} became the tip under another lease");
        Require(!lease.IsBroken, $"{now} moved the head after its lease was ended");
        handles.TryAdd(lease.Session, row.Handle);
        Require(handles[lease.Session] == row.Handle, $"there are two sessions s{lease.Session}");
        Digest tip = was?.TipHash ?? Digest.Zero;
        SimVersion? before = tip == Digest.Zero ? null : Known(tip);
        bool follows = now.Parent == tip;
        bool replaces = before is not null && before.Lease == lease && before.Parent == now.Parent && before.Told is null;
        bool begins = now.Parent == lease.Base && before?.Lease != lease;
        Require(follows || replaces || begins, $"{now} is the tip after {before}, and goes on from something else");
    }

    private SimVersion Known(Digest hash) => model.Find(hash) ?? throw new SimViolationException("The pod shows a commit that nobody signed.");

    private static void Require(bool holds, string what)
    {
        if (!holds)
            throw new SimViolationException(what);
    }
}
