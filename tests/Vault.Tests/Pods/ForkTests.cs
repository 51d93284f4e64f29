using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;
using static VmPod.Vault.Tests.Pods.GrantedLeaseTests;

namespace VmPod.Vault.Tests.Pods;

/// <summary>
/// What a host hands in when the session went on without it: it becomes a named fork, and nothing that it should not (DESIGN 5 "Leaving", rules 20 and 25).
/// </summary>
[Collection(PodsCollection.Name)]
public sealed class ForkTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Spec", "V-90")]
    [Trait("Spec", "V-91")]
    public void A_rest_that_comes_when_the_session_went_on_becomes_a_named_fork_and_moves_nothing(bool isUnlocked)
    {
        using TestPod pod = Away(out RemoteHost host, out string left);
        string now = GoOn(pod);
        SessionSummary before = pod.Vault.FindSession(TestPod.Session);
        if (!isUnlocked)
            pod.Vault.Lock();
        (Digest hash, long offset) = host.HandIn(pod.Vault);
        pod.Reopen();

        SessionSummary after = pod.Vault.FindSession(TestPod.Session);
        Assert.Equal((before.Tip.Number, before.Commits, before.LeaseIsOpen), (after.Tip.Number, after.Commits, after.LeaseIsOpen));
        AssertSameBytes(now, pod.Get());
        Assert.Equal([1UL, 2], pod.Vault.ListGenerations(after.Handle).Select(g => g.Record.Generation));
        ForkInfo fork = Assert.Single(pod.Vault.ListForks(after.Handle));
        Assert.Equal((host.Lease.LeaseId, hash, offset, 1UL), (fork.LeaseId, fork.Hash, fork.Offset, fork.Parent!.Generation));
        AssertSameBytes(left, GetFork(pod, fork.LeaseId));
        Assert.True(pod.Vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
        pod.Vault.Lock();
        Assert.Single(pod.Vault.ListForks(after.Handle));
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-95")]
    public void The_cells_of_a_fork_are_looked_for_when_the_vault_is_verified()
    {
        using TestPod pod = Away(out RemoteHost host, out _);
        pod.Vault.BreakLease(TestPod.Session);
        host.HandIn(pod.Vault);
        CellId[] added = host.RestCommit!.Added;
        pod.Vault.Dispose();
        string newest = Directory.GetFiles(Path.Combine(pod.Folder, "v1", "segments")).Order().Last();
        using (FileStream segment = File.OpenWrite(newest))
            segment.SetLength(segment.Length - added.Length * 16L * 1024);
        pod.Reopen();
        Assert.Equal(added.Length, pod.Vault.Verify(null, TestContext.Current.CancellationToken).MissingCount);
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-95")]
    public void A_lease_goes_on_from_a_fork_its_commits_become_the_head_and_the_other_line_stays_listed()
    {
        using TestPod pod = Away(out RemoteHost host, out string left);
        string now = GoOn(pod);
        host.HandIn(pod.Vault);
        ulong leaseId = host.Lease.LeaseId;
        host.End();

        // Once over a link, and once here.
        var other = new RemoteHost(pod, fork: leaseId);
        AssertSameBytes(left, FromHost(pod, other));
        Write(pod, other, "a", Data.Random(31, 50_000));
        other.Lease.Close();
        other.End();
        string third = pod.Get();
        Assert.Equal(File.ReadAllBytes(Path.Combine(pod.Source, "a")), File.ReadAllBytes(FileIn(third, "a")));
        Assert.Equal(File.ReadAllBytes(FileIn(left, "b")), File.ReadAllBytes(FileIn(third, "b")));
        using (SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host, fork: leaseId))
        {
            Assert.Equal(host.RestCommit!.Record.Number, lease.Reader!.Record.Number);
            SnapshotWriter.Put(lease, [pod.Source], "again", null, TestContext.Current.CancellationToken);
            lease.Close();
        }
        pod.Reopen();
        SessionHandle handle = pod.Vault.FindSession(TestPod.Session).Handle;
        IReadOnlyList<GenerationInfo> generations = pod.Vault.ListGenerations(handle);
        Assert.Equal([1UL, 2, 3, 4], generations.Select(g => g.Record.Generation));
        Assert.Equal(generations.Select(g => g.Record.Number).Order(), generations.Select(g => g.Record.Number));
        ForkInfo fork = Assert.Single(pod.Vault.ListForks(handle));
        Assert.Equal(fork.Hash, generations[2].Record.Parent);
        AssertSameBytes(now, pod.Get(2));
        AssertSameBytes(left, GetFork(pod, leaseId));
        AssertSameBytes(pod.Source, pod.Get());
        Assert.Equal(ExitCode.NotFound, Assert.Throws<VmPodException>(() => GetFork(pod, leaseId + 1)).ExitCode);
        // A host over a link goes on from what stands on the fork.
        var last = new RemoteHost(pod);
        Write(pod, last, "b", Data.Random(32, 50_000));
        last.Lease.Close();
        last.End();
        AssertSameBytes(pod.Source, pod.Get());
    }

    [Fact]
    [Trait("Spec", "V-94")]
    public void A_rest_that_is_handed_in_twice_because_the_answer_was_lost_gives_one_fork()
    {
        using TestPod pod = Away(out RemoteHost host, out _);
        GoOn(pod);
        (Digest, long) first = host.HandIn(pod.Vault);
        long log = pod.Vault.Store.LogBytes;
        Assert.Equal(first, host.HandIn(pod.Vault));
        pod.Reopen();
        Assert.Equal(first, host.HandIn(pod.Vault));
        Assert.Equal(log, pod.Vault.Store.LogBytes);
        Assert.Single(pod.Vault.ListForks(host.Lease.Session));
        host.End();
    }

    [Theory]
    [InlineData(GenerationKind.DiskOnly)]
    [InlineData(GenerationKind.Draft)]
    [Trait("Spec", "V-94")]
    public void A_rest_that_was_taken_as_a_commit_before_its_lease_ended_gives_no_fork(GenerationKind kind)
    {
        using TestPod pod = Away(out RemoteHost host, out _, kind);
        (Digest, long) taken = host.HandIn(pod.Vault);
        if (kind == GenerationKind.Draft)
        {
            // A draft does not end in the list of generations; the lease that follows goes on from it.
            using SessionLease next = pod.Vault.BeginLease(TestPod.Session, create: false, RemoteHost.Name, tip: true);
            SnapshotWriter.Put(next, [pod.Source], "next", null, TestContext.Current.CancellationToken);
            next.Close();
        }
        pod.Vault.BreakLease(TestPod.Session);
        Assert.Equal(taken, host.HandIn(pod.Vault));
        Assert.Empty(pod.Vault.ListForks(host.Lease.Session));
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-92")]
    public void A_fork_goes_on_from_a_commit_of_its_own_lease_as_well()
    {
        using TestPod pod = WithOneGeneration();
        var host = new RemoteHost(pod);
        Write(pod, host, "a", Data.Random(21, 100_000));
        host.IsAway = true;
        Write(pod, host, "b", Data.Random(22, 100_000));
        string left = pod.Keep("left");
        GoOn(pod);
        host.HandIn(pod.Vault);
        AssertSameBytes(left, GetFork(pod, host.Lease.LeaseId));
        Assert.Equal(2UL, Assert.Single(pod.Vault.ListForks(host.Lease.Session)).Parent!.Generation);
        host.End();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Spec", "V-92")]
    public void The_lease_that_made_a_session_and_never_heard_of_its_first_commit_leaves_a_fork_that_goes_on_from_nothing(bool isUnlocked)
    {
        using TestPod pod = WithOneGeneration();
        const string Made = "made";
        var host = new RemoteHost(pod, Made, create: true) { LosesAnswers = true };
        byte[] chunk = Data.Random(1, FormatLimits.ChunkBytes), got = new byte[FormatLimits.ChunkBytes];
        StreamInfo[] streams = [new(1, StreamKind.Disk, "disk", chunk.Length, 0, 0)];
        Assert.Equal(ExitCode.LinkLost, Assert.Throws<VmPodException>(() => host.Lease.Commit(GenerationKind.Draft, "lost", streams)).ExitCode);
        (host.LosesAnswers, host.IsAway) = (false, true);
        host.Lease.Put(new ChunkKey(1, 0), Codec.Raw, chunk.Length, chunk, host.Lease.TagOf(chunk));
        host.Lease.Commit(GenerationKind.Checkpoint, "left", streams, close: true);
        Assert.True(pod.Vault.BreakLease(Made));
        // Nothing of what the pod took is needed any more: all cells of the fork come now, and are checked as they come.
        Assert.Equal(host.RestCells.Count, host.RestCommit!.Added.Length);
        if (!isUnlocked)
            pod.Vault.Lock();

        (Digest, long) place = host.HandIn(pod.Vault);
        Assert.Equal(place, host.HandIn(pod.Vault));
        pod.Reopen();
        ForkInfo fork = Assert.Single(pod.Vault.ListForks(host.Lease.Session));
        Assert.Equal((null, isUnlocked ? CommitTrust.Sound : CommitTrust.Pending), (fork.Parent, fork.Trust));
        if (isUnlocked)
        {
            Assert.NotNull(pod.Vault.DistanceOf(fork));
            using SessionReader reader = pod.Vault.OpenSession(Made, fork: fork.LeaseId);
            Assert.True(reader.ReadChunk(streams[0], 0, got));
            Assert.Equal(chunk, got);
        }
        Assert.True(pod.Vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-92")]
    public void A_fork_of_another_host_s_lease_of_another_session_or_of_a_lease_that_never_was_is_not_taken_in()
    {
        using TestPod pod = Away(out RemoteHost host, out _);
        pod.Write("c", Data.Random(10, 50_000));
        pod.Put(session: "other");
        GoOn(pod);
        SessionHandle session = host.Lease.Session, other = pod.Vault.FindSession("other").Handle;
        (ulong id, ulong term) = (host.Lease.LeaseId, host.Lease.Term);
        ulong othersId = pod.Vault.FindSession("other").Tip.LeaseId;
        foreach ((SessionHandle of, ulong lease, ulong at, UInt128 by) in new[]
        {
            (session, id, term, RemoteHost.Name + 1), (session, id, term - 1, RemoteHost.Name), (session, id, term + 1, RemoteHost.Name),
            (session, id + 1, term, RemoteHost.Name), (other, id, term, RemoteHost.Name), (other, othersId, 1UL, RemoteHost.Name),
            (new SessionHandle(4), id, term, RemoteHost.Name),
        })
            AssertBusy(() => pod.Vault.AttachLease(of, lease, at, by, 10));
        // All that was said right is taken.
        host.HandIn(pod.Vault);
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-92")]
    public void Forks_that_lie_are_refused_and_the_honest_one_after_them_is_taken()
    {
        using TestPod pod = Away(out RemoteHost host, out string left);
        CellId older = LiveOf(pod)[0];
        GoOn(pod);
        CommitEntry rest = host.RestCommit!;
        GenerationInfo newest = pod.Vault.ListGenerations(host.Lease.Session)[^1];
        CellId newer = LiveOf(pod).Except(pod.Vault.LiveSetOf((long)rest.Record.ParentOffset, rest.Record.Parent).Enumerate()).First();
        CommitEntry With(CommitRecord record, CellId[] added) => WithSet(pod, host, record, added, rest.Dropped);

        // Its lists, count and root agree, and the lease's own key signs it: nothing but the rule is against each.
        AssertRefused("goes on from nothing", () => host.HandIn(pod.Vault,
            With(rest.Record with { Parent = newest.Hash, ParentOffset = (ulong)newest.Offset, Number = newest.Record.Number + 1 }, rest.Added)));
        AssertRefused("did not send", () => host.HandIn(pod.Vault, With(rest.Record, [.. rest.Added.Append(newer).Order()])));
        AssertRefused("did not send", () => host.HandIn(pod.Vault, cells: host.RestCells.Skip(1)));
        (string Says, CommitEntry Lie)[] lies =
        [
            ("goes on from nothing", host.Sign(rest.Record with { Parent = Digest.Zero, ParentOffset = ulong.MaxValue }, rest.Added, rest.Dropped)),
            ("goes on from nothing", host.Sign(rest.Record with { ParentOffset = 3 }, rest.Added, rest.Dropped)),
            ("goes on from nothing", host.Sign(rest.Record with { Number = 1 }, rest.Added, rest.Dropped)),
            ("goes on from nothing", host.Sign(rest.Record with { Number = ulong.MaxValue }, rest.Added, rest.Dropped)),
            ("did not send", host.Sign(rest.Record, [.. rest.Added.Append(older).Order()], rest.Dropped)),
            ("another set", host.Sign(rest.Record with { LiveRoot = Digest.Zero }, rest.Added, rest.Dropped)),
            ("describe its lease", host.Sign(rest.Record with { Term = rest.Record.Term + 1 }, rest.Added, rest.Dropped)),
            ("did not sign", rest with { Signature = new byte[CommitRecord.SignatureBytes] }),
        ];
        foreach ((string says, CommitEntry lie) in lies)
            AssertRefused(says, () => host.HandIn(pod.Vault, lie));
        Assert.Empty(pod.Vault.ListForks(host.Lease.Session));
        host.HandIn(pod.Vault);
        AssertSameBytes(left, GetFork(pod, host.Lease.LeaseId));

        // A replay of something else under the same lease, now that it has left its fork.
        AssertRefused("already", () => host.HandIn(pod.Vault, With(rest.Record with { TimeMs = 5 }, rest.Added)));
        Assert.Single(pod.Vault.ListForks(host.Lease.Session));
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-93")]
    public void A_lease_that_is_not_open_gets_no_key_of_what_it_could_read_while_it_was()
    {
        using TestPod pod = Away(out RemoteHost host, out _);
        CellId[] now = LiveOf(pod);
        byte[] key = new byte[32], cell = new byte[16 * 1024];
        Assert.All(now, id => Assert.Equal(ReleaseOutcome.Released, host.Granted.Release(id, key, cell)));
        pod.Vault.BreakLease(TestPod.Session);
        using GrantedLease again = pod.Vault.AttachLease(host.Lease.Session, host.Lease.LeaseId, host.Lease.Term, RemoteHost.Name, 1000);
        again.Take(host.RestCells[0]);
        Assert.All(now.Append(CellId.Of(host.RestCells[0])), id =>
        {
            Assert.Equal(ReleaseOutcome.Refused, again.Release(id, key, cell));
            Assert.All(key, b => Assert.Equal(0, b));
        });
        // It has the keys to check what comes.
        Assert.True(again.ChecksCells);
        byte[] broken = [.. host.RestCells[1]];
        broken[^1] ^= 1;
        AssertRefused("does not open", () => again.Take(broken));
        host.End();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Spec", "V-74")]
    [Trait("Spec", "V-95")]
    public void A_damaged_fork_costs_that_fork_and_nothing_else(bool withIndex)
    {
        using TestPod pod = Away(out RemoteHost host, out _);
        string now = GoOn(pod);
        (_, long offset) = host.HandIn(pod.Vault);
        SessionHandle session = host.Lease.Session;
        pod.Vault.Dispose();
        if (!withIndex)
            File.Delete(Path.Combine(pod.Folder, "v1", "logindex"));
        string path = Path.Combine(pod.Folder, "v1", "log");
        byte[] log = File.ReadAllBytes(path);
        log[offset + StoreLimits.EntryHeaderBytes + 100] ^= 1;
        File.WriteAllBytes(path, log);
        pod.Reopen();
        VmPodException damaged = Assert.Throws<VmPodException>(() => GetFork(pod, host.Lease.LeaseId));
        Assert.Equal(ExitCode.Damaged, damaged.ExitCode);
        Assert.Contains(ForkName.Of(host.Lease.LeaseId), damaged.Message, StringComparison.Ordinal);
        Assert.Empty(pod.Vault.ListForks(session));
        Assert.Equal(2, pod.Vault.ListGenerations(session).Count);
        AssertSameBytes(now, pod.Get());
        pod.Put();
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-91")]
    public void A_session_has_so_many_forks_and_no_more()
    {
        using TestPod pod = WithOneGeneration();
        for (int i = 0; i <= FormatLimits.ForksMax; i++)
        {
            var host = new RemoteHost(pod) { IsAway = true };
            Write(pod, host, "b", [(byte)(i % 256)]);
            pod.Vault.BreakLease(TestPod.Session);
            if (i < FormatLimits.ForksMax)
                host.HandIn(pod.Vault);
            else
                Assert.Equal(ExitCode.NoSpace, Assert.Throws<VmPodException>(() => host.HandIn(pod.Vault)).ExitCode);
            host.End();
        }
        Assert.Equal(FormatLimits.ForksMax, pod.Vault.ListForks(pod.Vault.FindSession(TestPod.Session).Handle).Count);
    }

    [Theory]
    [InlineData("fork-0123456789abcdef", true)]
    [InlineData("fork-0123456789ABCDEf", false)]
    [InlineData("fork-123456789abcdef", false)]
    [InlineData("fork-00123456789abcdef", false)]
    [InlineData("fork- 123456789abcdef", false)]
    [InlineData("FORK-0123456789abcdef", false)]
    [InlineData("0123456789abcdef", false)]
    [Trait("Spec", "V-91")]
    public void A_fork_s_name_has_one_spelling(string name, bool isOne)
    {
        Assert.Equal(isOne, ForkName.TryParse(name, out ulong leaseId));
        if (isOne)
            Assert.Equal(name, ForkName.Of(leaseId));
    }

    // A host that goes on from generation 1 and loses its pod: its work is in its hands, and in no pod.
    internal static TestPod Away(out RemoteHost host, out string left, GenerationKind kind = GenerationKind.DiskOnly)
    {
        TestPod pod = WithOneGeneration();
        string first = pod.Keep("first");
        host = new RemoteHost(pod) { IsAway = true };
        using (SessionImage image = ImageOf(host))
        {
            Replace(pod, image, "b", Data.Random(22, 100_000));
            image.Commit(kind, "rest");
        }
        left = pod.Keep("left");
        File.Copy(Path.Combine(first, "b"), pod.FileOf("b"), overwrite: true);
        return pod;
    }

    // The owner takes the session over: it has a generation 2 then, from this machine.
    internal static string GoOn(TestPod pod)
    {
        Assert.True(pod.Vault.BreakLease(TestPod.Session));
        pod.Write("a", Data.Random(23, 200_000));
        pod.Put();
        return pod.Keep("now");
    }

    internal static string GetFork(TestPod pod, ulong leaseId)
    {
        string folder = Path.Combine(pod.Root, "fork-" + Guid.NewGuid().ToString("n"));
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session, fork: leaseId);
        SnapshotReader.Get(reader, folder, null, TestContext.Current.CancellationToken);
        return folder;
    }

    internal static string FileIn(string folder, string name) => Directory.GetFiles(folder, name, SearchOption.AllDirectories).Single();

    private static CommitEntry WithSet(TestPod pod, RemoteHost host, CommitRecord record, CellId[] added, CellId[] dropped)
    {
        LiveSet after = pod.Vault.LiveSetOf((long)record.ParentOffset, record.Parent);
        Array.ForEach(added, id => after.Add(id));
        Array.ForEach(dropped, id => after.Remove(id));
        return host.Sign(record with { LiveCount = (ulong)after.Count, LiveRoot = after.Root() }, added, dropped);
    }
}
