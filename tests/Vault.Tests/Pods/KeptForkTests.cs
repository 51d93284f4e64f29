using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.House;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;
using static VmPod.Vault.Tests.Pods.ForkTests;
using static VmPod.Vault.Tests.Pods.GrantedLeaseTests;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A fork becomes a session of its own, or stays what it was; and what it differs in from its session.</summary>
[Collection(PodsCollection.Name)]
public sealed class KeptForkTests
{
    private const string New = "rescued";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(GenerationKind.Checkpoint)]
    [InlineData(GenerationKind.DiskOnly)]
    [InlineData(GenerationKind.Draft)]
    [Trait("Spec", "V-190")]
    [Trait("Spec", "V-191")]
    public void A_fork_that_is_kept_is_a_session_of_the_same_bytes_with_keys_of_its_own_and_no_fork_any_more(GenerationKind kind)
    {
        using TestPod pod = Away(out RemoteHost host, out string left, kind);
        string now = GoOn(pod);
        host.HandIn(pod.Vault);
        host.End();
        ulong lease = host.Lease.LeaseId;
        SessionHandle old = pod.Vault.FindSession(TestPod.Session).Handle;

        KeptFork kept = pod.Vault.KeepFork(TestPod.Session, lease, New, TestPod.Host, null, Cancel);
        pod.Reopen();
        AssertSameBytes(left, pod.Get(session: New));
        AssertSameBytes(now, pod.Get());
        GenerationInfo first = Assert.Single(pod.Vault.ListGenerations(kept.Session));
        // The memory of a draft is of another instant than its disks (rule 2).
        Assert.Equal((1UL, kind == GenerationKind.Draft ? GenerationKind.DiskOnly : kind), (first.Record.Generation, first.Record.Kind));
        Assert.Equal(Digest.Zero, first.Record.Parent);
        using (SessionReader reader = pod.Vault.OpenSession(New))
            Assert.Equal($"rest (kept from {ForkName.Of(lease)})", reader.Label);
        Assert.Empty(pod.Vault.ListForks(old));
        Assert.Equal(ExitCode.NotFound, Assert.Throws<VmPodException>(() => GetFork(pod, lease)).ExitCode);
        // No cell is of both.
        GenerationInfo newest = pod.Vault.ListGenerations(old)[^1];
        Assert.Empty(pod.Vault.LiveSetOf(newest.Offset, newest.Hash).Enumerate().Intersect(pod.Vault.LiveSetOf(first.Offset, first.Hash).Enumerate()));
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
        // It is gone on with as any other.
        pod.Put(session: New);
        AssertSameBytes(pod.Source, pod.Get(session: New));
        Assert.Equal(2, pod.Vault.ListGenerations(kept.Session).Count);
        Assert.False(pod.Vault.FindSession(New).LeaseIsOpen);
    }

    [Fact]
    [Trait("Spec", "V-190")]
    public void What_cannot_be_kept_leaves_everything_as_it_was()
    {
        using TestPod pod = Away(out RemoteHost host, out string left);
        GoOn(pod);
        host.HandIn(pod.Vault);
        host.End();
        ulong lease = host.Lease.LeaseId;
        pod.Put(session: "other");
        SessionHandle old = pod.Vault.FindSession(TestPod.Session).Handle;
        Digest before = pod.Vault.Store.HeadHash;

        Fails(ExitCode.Refused, "other");
        Fails(ExitCode.Refused, TestPod.Session);
        Fails(ExitCode.Usage, "a@b");
        Fails(ExitCode.NotFound, New, fork: lease + 1);
        Assert.Equal(before, pod.Vault.Store.HeadHash);
        Assert.Throws<OperationCanceledException>(() => Keep(New, lease, new CancellationToken(canceled: true)));
        Assert.Equal(["other", TestPod.Session], pod.Vault.ListSessions().Select(s => s.Name!).Order());
        Assert.Single(pod.Vault.ListOpenForks(old));
        AssertSameBytes(left, GetFork(pod, lease));
        // A host goes on from it now: it is the session's line, and no lease may stand on what is forgotten.
        using (SessionLease going = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host, fork: lease))
        {
            Fails(ExitCode.Busy, New);
            Assert.Empty(pod.Vault.ListOpenForks(old));
            going.Close();
        }
        // It ended and left nothing: the fork waits again, and is kept.
        Assert.Single(pod.Vault.ListOpenForks(old));
        pod.Reopen();
        Keep(New, lease, Cancel);
        AssertSameBytes(left, pod.Get(session: New));

        void Keep(string name, ulong fork, CancellationToken cancel) => pod.Vault.KeepFork(TestPod.Session, fork, name, TestPod.Host, null, cancel);

        void Fails(ExitCode code, string name, ulong? fork = null) =>
            Assert.Equal(code, Assert.Throws<VmPodException>(() => Keep(name, fork ?? lease, Cancel)).ExitCode);
    }

    [Fact]
    [Trait("Spec", "V-190")]
    public void A_lease_that_begins_on_the_fork_while_it_is_copied_wins_and_the_copy_is_not_committed()
    {
        using TestPod pod = Away(out RemoteHost host, out string left);
        GoOn(pod);
        host.HandIn(pod.Vault);
        host.End();
        ulong lease = host.Lease.LeaseId;
        SessionLease? going = null;
        // In the middle of the copy.
        var progress = new Then(() => going ??= pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host, fork: lease));
        VmPodException busy = Assert.Throws<VmPodException>(() => pod.Vault.KeepFork(TestPod.Session, lease, New, TestPod.Host, progress, Cancel));
        Assert.Equal(ExitCode.Busy, busy.ExitCode);
        Assert.Null(pod.Vault.TryFindSession(New));
        SnapshotWriter.Put(going!, [pod.Source], "on", null, Cancel);
        going!.Dispose();
        AssertSameBytes(left, GetFork(pod, lease));
        AssertSameBytes(pod.Source, pod.Get());
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
    }

    [Fact]
    [Trait("Spec", "V-190")]
    [Trait("Spec", "V-154")]
    public void The_fork_of_a_session_whose_chunks_are_stored_alone_becomes_one_whose_chunks_are()
    {
        using TestPod pod = WithOneGeneration();
        using (SessionLease alone = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host))
        {
            alone.StoreAlone();
            SnapshotWriter.Put(alone, [pod.Source], "alone", null, Cancel);
        }
        var host = new RemoteHost(pod) { IsAway = true };
        Write(pod, host, "b", Data.Random(41, 150_000));
        string left = pod.Keep("left");
        Assert.True(pod.Vault.BreakLease(TestPod.Session));
        host.HandIn(pod.Vault);
        host.End();
        pod.Vault.KeepFork(TestPod.Session, host.Lease.LeaseId, New, TestPod.Host, null, Cancel);
        AssertSameBytes(left, pod.Get(session: New));
        using (SessionLease lease = pod.Vault.BeginLease(New, create: false, TestPod.Host))
        {
            Assert.True(lease.StoresAlone);
            lease.Close();
        }
        pod.Write("b", Data.Random(42, 80_000));
        pod.Put(session: New);
        AssertSameBytes(pod.Source, pod.Get(session: New));
    }

    [Fact]
    [Trait("Spec", "V-190")]
    [Trait("Spec", "V-160")]
    public void A_fork_that_is_kept_or_dropped_gives_back_what_it_alone_needed()
    {
        using TestPod pod = Away(out RemoteHost host, out string left);
        string now = GoOn(pod);
        host.HandIn(pod.Vault);
        host.End();
        ForkInfo fork = Assert.Single(pod.Vault.ListForks(host.Lease.Session));
        ForkPlanFrees(pod, fork);
        pod.Vault.KeepFork(TestPod.Session, fork.LeaseId, New, TestPod.Host, null, Cancel);
        // Its lease did not end in order: for a week its host may hand in what it holds (V-162), and then the cells go.
        GarbageReport freed = pod.Vault.CollectGarbage(isDryRun: false, null, Cancel);
        Assert.True(freed.LeasesHeld > 0);
        AssertSameBytes(left, pod.Get(session: New));
        AssertSameBytes(now, pod.Get());
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
    }

    [Fact]
    [Trait("Spec", "V-192")]
    public void What_a_fork_and_its_session_have_since_they_parted_is_counted_without_a_key_and_their_chunks_with_one()
    {
        var clock = new LaterTime();
        using var pod = new TestPod(16 * 1024, time: clock);
        const int Chunk = FormatLimits.ChunkBytes;
        byte[] disk = Data.Random(50, 8 * Chunk);
        pod.Write("disk", disk);
        pod.Put();
        var host = new RemoteHost(pod) { IsAway = true };
        byte[] ours = Changed(disk, 1, 2, 5), theirs = Changed(disk, 2, 3, 4, 6);
        // The same bytes on both sides are no difference, whoever wrote them.
        ours.AsSpan(6 * Chunk, Chunk).Clear();
        theirs.AsSpan(6 * Chunk, Chunk).Clear();
        pod.Write("disk", ours);
        pod.Write("mine", Data.Random(51, 10_000));
        SnapshotWriter.Put(host.Lease, [pod.Source], "rest", null, Cancel);
        File.Delete(pod.FileOf("mine"));
        Assert.True(pod.Vault.BreakLease(TestPod.Session));
        pod.Write("disk", theirs);
        pod.Put();
        pod.Write("yours", Data.Random(52, 20_000));
        pod.Put();
        host.HandIn(pod.Vault);
        host.End();

        ForkInfo fork = Assert.Single(pod.Vault.ListForks(host.Lease.Session));
        pod.Vault.Lock();
        ForkDistance distance = pod.Vault.DistanceOf(fork)!;
        Assert.Equal((1UL, 1, 2), (distance.Ancestor!.Generation, distance.OnFork.Commits, distance.OnHead.Commits));
        Assert.Equal((RemoteHost.Name, (long)fork.Record.AddedCount), (distance.Host, distance.OnFork.CellsAdded));
        Assert.True(distance.OnHead.CellsAdded > distance.OnFork.CellsAdded / 2, $"{distance.OnHead}");
        pod.Reopen();

        ForkContents contents = pod.Vault.ContentsOf(TestPod.Session, distance, null, Cancel);
        Assert.Equal((true, false), (contents.HasAncestor, contents.IsUpperBound));
        Assert.Equal(["disk", "mine", "yours"], contents.Streams.Select(s => s.Name));
        ForkStream inDisk = contents.Streams[0];
        Assert.Equal((2, 2, 1, 0), (inDisk.Fork, inDisk.Session, inDisk.Both, inDisk.Unknown));
        Assert.Equal([new(ForkSide.Both, 2, 2), new(ForkSide.Fork, 1, 1), new(ForkSide.Fork, 5, 5), new(ForkSide.Session, 3, 4)], inDisk.Ranges);
        Assert.Equal((10_000L, null, 1), (contents.Streams[1].ForkLength, contents.Streams[1].HeadLength, contents.Streams[1].Fork));
        Assert.Equal((null, 20_000L, 1), (contents.Streams[2].ForkLength, contents.Streams[2].HeadLength, contents.Streams[2].Session));

        // A squash stores the session anew and forgets what both go on from: the bytes tell still what differs, not who wrote it.
        pod.Vault.Squash(TestPod.Session, TestPod.Host, null, Cancel);
        distance = pod.Vault.DistanceOf(fork)!;
        contents = pod.Vault.ContentsOf(TestPod.Session, distance, null, Cancel);
        ForkStream after = contents.Streams.Single(s => s.Name == "disk");
        Assert.Equal((true, 2, 2, 1, 0), (contents.HasAncestor, after.Fork, after.Session, after.Both, after.Unknown));

        // And after a week nothing holds what the fork's lease began from: that they differ is known still, and where.
        clock.Later = PodVault.LeaseExpiry + TimeSpan.FromDays(1);
        Assert.True(pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells > 0);
        contents = pod.Vault.ContentsOf(TestPod.Session, pod.Vault.DistanceOf(fork)!, null, Cancel);
        after = contents.Streams.Single(s => s.Name == "disk");
        Assert.Equal((false, 0, 0, 0, 5), (contents.HasAncestor, after.Fork, after.Session, after.Both, after.Unknown));
        Assert.Equal([new(ForkSide.Unknown, 1, 5)], after.Ranges);
    }

    [Fact]
    [Trait("Spec", "V-193")]
    public void The_history_names_what_each_goes_on_from_and_which_forks_nobody_decided_about()
    {
        using TestPod pod = Away(out RemoteHost host, out _);
        GoOn(pod);
        host.HandIn(pod.Vault);
        host.End();
        SessionHandle session = pod.Vault.FindSession(TestPod.Session).Handle;
        pod.Vault.Lock();
        SessionHistory history = pod.Vault.HistoryOf(session);
        ForkInfo fork = Assert.Single(history.Forks);
        (Digest first, Digest second) = (history.Generations[0].Hash, history.Generations[1].Hash);
        Assert.Equal((first, first, second), (history.Parents[second], history.Parents[fork.Hash], history.Head));
        Assert.False(history.Parents.ContainsKey(first));
        Assert.Empty(history.TakenUp);
        Assert.Single(pod.Vault.ListOpenForks(session));
        Assert.Single(pod.Vault.ListOpenForks(session, isHint: true));

        // Two drafts on from the fork, which no list has.
        pod.Reopen();
        var other = new RemoteHost(pod, fork: fork.LeaseId);
        using (SessionImage image = ImageOf(other))
        {
            Replace(pod, image, "b", Data.Random(61, 100_000));
            image.Commit(GenerationKind.Draft, "one");
            Replace(pod, image, "b", Data.Random(62, 100_000));
            image.Commit(GenerationKind.Draft, "two");
        }
        other.Lease.Close();
        other.End();
        history = pod.Vault.HistoryOf(session);
        Assert.Equal((fork.Hash, 1), (history.Head, history.TakenUp.Count));
        Assert.Empty(pod.Vault.ListOpenForks(session));
        // And a generation behind them.
        using (SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host, tip: true))
            SnapshotWriter.Put(lease, [pod.Source], "on", null, Cancel);
        history = pod.Vault.HistoryOf(session);
        Assert.Equal((fork.Hash, history.Generations[^1].Hash), (history.Parents[history.Generations[^1].Hash], history.Head));
        Assert.Empty(pod.Vault.ListOpenForks(session));
        Assert.Equal(0, pod.Vault.DistanceOf(fork)!.OnFork.Commits);
    }

    private static void ForkPlanFrees(TestPod pod, ForkInfo fork)
    {
        ForgetPlan plan = pod.Vault.PlanForget(TestPod.Session, [], [fork.LeaseId]);
        Assert.Equal(fork.LeaseId, Assert.Single(plan.Forks).LeaseId);
        Assert.InRange(plan.CellsFreed, 1, fork.Record.AddedCount);
    }

    private static byte[] Changed(byte[] bytes, params int[] chunks)
    {
        byte[] changed = [.. bytes];
        foreach (int chunk in chunks)
            Data.Random(100 + chunk + chunks.Length, FormatLimits.ChunkBytes).CopyTo(changed, chunk * FormatLimits.ChunkBytes);
        return changed;
    }

    private sealed class LaterTime : TimeProvider
    {
        public TimeSpan Later { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Later;
    }

    private sealed class Then(Action act) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress value) => act();
    }
}
