using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Images;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using VmPod.Vault.Tests.Attacks;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A lease on another machine: it works, and what a host may not do is refused by the pod (rules 19, 25, 29, 31, 33).</summary>
[Collection(PodsCollection.Name)]
public abstract class GrantedLeaseTests
{
    protected abstract byte Suite { get; }

    private const int CellBytes = 16 * 1024;

    [Fact]
    [Trait("Spec", "V-80")]
    public void A_host_reads_with_released_keys_writes_with_its_own_and_the_pod_reads_what_it_wrote()
    {
        using TestPod pod = WithOneGeneration(Suite);
        var host = new RemoteHost(pod);
        string first = FromHost(pod, host);
        FolderTree.AssertSame(pod.Source, first);
        Assert.NotEmpty(host.Fetched);
        Assert.All(host.Fetched, f => Assert.Equal(ReleaseOutcome.Released, f.Outcome));

        Write(pod, host, "a", Data.Random(8, 300_000));
        AssertSameBytes(pod.Source, FromHost(pod, host));
        Write(pod, host, "b", Data.Text(9, 200_000));
        host.Lease.Close();
        host.End();
        AssertSameBytes(pod.Source, pod.Get());
        pod.Put();
        FolderTree.AssertSame(first, pod.Get(1));
    }

    [Fact]
    [Trait("Spec", "V-80")]
    public void A_host_can_make_a_new_session()
    {
        using var pod = new TestPod(CellBytes, suite: Suite);
        pod.Write("a", Data.Random(1, 100_000));
        var host = new RemoteHost(pod, create: true);
        Put(pod, host);
        host.Lease.Close();
        host.End();
        FolderTree.AssertSame(pod.Source, pod.Get());
    }

    [Fact]
    [Trait("Spec", "V-81")]
    public void Cells_that_the_generation_does_not_need_are_not_released()
    {
        using TestPod pod = WithOneGeneration(Suite);
        CellId[] old = LiveOf(pod);
        pod.Write("a", Data.Random(8, 300_000));
        pod.Put();
        pod.Write("c", Data.Random(10, 50_000));
        pod.Put(session: "other");
        CellId[] now = LiveOf(pod), others = LiveOf(pod, "other");
        var host = new RemoteHost(pod);
        byte[] key = new byte[32], cell = new byte[CellBytes];

        // The pod has them all, and whoever holds the session's key could open those of the old generation.
        Assert.All(old, id => Assert.True(pod.Vault.Store.TryRead(id, cell)));
        Assert.All(now, id => Assert.Equal(ReleaseOutcome.Released, host.Granted.Release(id, key, cell)));
        CellId[] gone = [.. old.Except(now)];
        Assert.NotEmpty(gone);
        Assert.All(gone.Concat(others), id =>
        {
            Assert.Equal(ReleaseOutcome.Refused, host.Granted.Release(id, key, cell));
            Assert.All(key, b => Assert.Equal(0, b));
        });
        Assert.Equal(ReleaseOutcome.Absent, host.Granted.Release(new CellId(DomainHash.Of(9, [1])), key, cell));
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-81")]
    public void A_commit_that_names_an_older_generations_cell_as_added_is_refused_and_so_never_widens_what_the_host_may_read()
    {
        using TestPod pod = WithOneGeneration(Suite);
        CellId[] old = LiveOf(pod);
        pod.Write("a", Data.Random(8, 300_000));
        pod.Put();
        CellId wanted = old.Except(LiveOf(pod)).First();
        var host = new RemoteHost(pod);
        pod.Write("b", Data.Random(11, 40_000));
        host.Tamper = commit =>
        {
            // Its lists, count and root agree, and the lease's own key signs it: nothing but the rule is against it.
            CellId[] added = [.. commit.Added.Append(wanted).Order()];
            LiveSet after = pod.Vault.LiveSetOf((long)commit.Record.ParentOffset, commit.Record.Parent);
            Array.ForEach(added, id => after.Add(id));
            Array.ForEach(commit.Dropped, id => after.Remove(id));
            return host.Sign(commit.Record with { LiveCount = (ulong)after.Count, LiveRoot = after.Root() }, added, commit.Dropped);
        };
        AssertRefused("did not send", () => Put(pod, host));
        Assert.Equal(2UL, pod.Vault.FindSession(TestPod.Session).Tip.Generation);
        byte[] key = new byte[32], cell = new byte[CellBytes];
        Assert.Equal(ReleaseOutcome.Refused, host.Granted.Release(wanted, key, cell));
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-82")]
    [Trait("Threat", "T-27")]
    public void Commits_that_lie_are_refused_and_the_honest_one_after_them_is_taken()
    {
        using TestPod pod = WithOneGeneration(Suite);
        var host = new RemoteHost(pod);
        pod.Write("b", Data.Random(11, 40_000));
        (string Says, Func<CommitEntry, CommitEntry> Lie)[] lies =
        [
            ("another set", c => host.Sign(c.Record with { LiveCount = c.Record.LiveCount + 1 }, c.Added, c.Dropped)),
            ("another set", c => host.Sign(c.Record with { LiveRoot = Digest.Zero }, c.Added, c.Dropped)),
            ("another set", c => host.Sign(c.Record, c.Added[1..], c.Dropped)),
            ("did not send", c => host.Sign(c.Record, [new CellId(DomainHash.Of(1, [7]))], c.Dropped)),
            ("was not there", c => host.Sign(c.Record, c.Added, [new CellId(DomainHash.Of(1, [7]))])),
            ("does not follow", c => host.Sign(c.Record with { Parent = Digest.Zero }, c.Added, c.Dropped)),
            ("does not follow", c => host.Sign(c.Record with { Number = 1 }, c.Added, c.Dropped)),
            ("does not follow", c => host.Sign(c.Record with { Number = ulong.MaxValue }, c.Added, c.Dropped)),
            ("no successor", c => host.Sign(c.Record with { Generation = c.Record.Generation + 7 }, c.Added, c.Dropped)),
            ("describe its lease", c => host.Sign(c.Record with { Term = c.Record.Term + 1 }, c.Added, c.Dropped)),
            ("describe its lease", c => host.Sign(c.Record with { Session = new SessionHandle(12) }, c.Added, c.Dropped)),
            ("did not sign", c => c with { Signature = new byte[SigningKey.SignatureBytes] }),
        ];
        foreach ((string says, Func<CommitEntry, CommitEntry> lie) in lies)
        {
            host.Tamper = lie;
            AssertRefused(says, () => Put(pod, host));
        }
        host.Tamper = null;
        Put(pod, host);
        host.Lease.Close();
        host.End();
        FolderTree.AssertSame(pod.Source, pod.Get());
    }

    [Fact]
    [Trait("Spec", "V-83")]
    [Trait("Spec", "V-115")]
    public void A_planted_cell_with_a_right_tag_and_a_wrong_T_opens_with_its_key_and_is_refused()
    {
        using TestPod pod = WithOneGeneration(Suite);
        var host = new RemoteHost(pod);
        using LeaseKeys keys = LeaseKeys.Derive(host.Granted.LeaseKey!, pod.Vault.Descriptor.VaultId, Suite);
        byte[] work = Plaintext(host, keys), cell = new byte[CellBytes];
        new CellHeader(Suite, CellBytes, keys.LeaseId).WriteTo(cell);
        CellBench.PutWrongMac(keys, work, cell);
        Assert.True(CellCipher.TryOpen(keys, cell, work));
        AssertRefused("whose T is not", () => host.Granted.Take(cell));

        // The same plaintext, sealed as it must be, is taken.
        CellCipher.Seal(keys, Plaintext(host, keys), cell);
        host.Granted.Take(cell);
        cell[^1] ^= 1;
        AssertRefused("does not open", () => host.Granted.Take(cell));
        AssertRefused("not of its lease", () => host.Granted.Take(new byte[CellBytes]));

        // The lease's own key in the other suite: a vault has one.
        using LeaseKeys others = LeaseKeys.Derive(host.Granted.LeaseKey!, pod.Vault.Descriptor.VaultId, (byte)(3 - Suite));
        CellCipher.Seal(others, Plaintext(host, keys), cell);
        AssertRefused("not of its lease", () => host.Granted.Take(cell));
        new CellHeader((byte)(3 - Suite), CellBytes, keys.LeaseId).WriteTo(cell);
        AssertRefused("not of its lease", () => host.Granted.Take(cell));
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-80")]
    public void Locked_while_a_lease_is_open_the_pod_goes_on_serving_that_lease_and_begins_no_other()
    {
        using TestPod pod = WithOneGeneration(Suite);
        var host = new RemoteHost(pod);
        pod.Vault.Lock();
        FolderTree.AssertSame(pod.Source, FromHost(pod, host));
        pod.Write("a", Data.Random(8, 300_000));
        Put(pod, host);
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => pod.Vault.GrantLease(TestPod.Session, false, RemoteHost.Name,
            new byte[32], null, false, 1)).ExitCode);
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-84")]
    public void A_locked_pod_that_was_started_again_takes_a_lease_s_rest_in_and_gives_nothing_out()
    {
        using TestPod pod = WithOneGeneration(Suite);
        var host = new RemoteHost(pod);
        Write(pod, host, "a", Data.Random(8, 300_000));
        (ulong Number, Digest Hash, long Offset) newest = host.Granted.Newest;
        CellId[] now = LiveOf(pod);
        host.Granted.Dispose();
        pod.Vault.Lock();
        host.Granted = pod.Vault.AttachLease(host.Lease.Session, host.Lease.LeaseId, host.Lease.Term, RemoteHost.Name, 1000);
        Assert.False(host.Granted.ChecksCells);
        Assert.Equal(newest, host.Granted.Newest);
        byte[] key = new byte[32], cell = new byte[CellBytes];
        Assert.All(now, id => Assert.Equal(ReleaseOutcome.Refused, host.Granted.Release(id, key, cell)));
        pod.Write("b", Data.Random(12, 60_000));
        Put(pod, host);
        host.Lease.Close();
        host.End();
        pod.Reopen();
        FolderTree.AssertSame(pod.Source, pod.Get());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Spec", "V-38")]
    [Trait("Spec", "V-84")]
    public void What_a_host_sent_before_it_came_back_is_not_cut_off_when_another_lease_discards(bool isOpen)
    {
        using TestPod pod = WithOneGeneration(Suite);
        RemoteHost host = new(pod), other = new(pod, "other", create: true);
        GrantedLease Again() => pod.Vault.AttachLease(host.Lease.Session, host.Lease.LeaseId, host.Lease.Term, RemoteHost.Name, 1000);
        if (!isOpen)
        {
            Assert.True(pod.Vault.BreakLease(TestPod.Session));
            host.Granted.Dispose();
            host.Granted = Again();
        }
        byte[] chunk = Data.Random(8, FormatLimits.ChunkBytes);
        Seal(host);
        // The pod takes it up anew before it lets the old one go: it had no keys of it, or its session went on without it.
        GrantedLease lost = host.Granted;
        host.Granted = Again();
        Assert.Equal(isOpen, host.Granted.IsOpen);
        lost.Dispose();

        // Somebody else puts, and thinks better of it.
        Seal(other);
        other.Lease.Discard();
        // The host asked what is there, and sends nothing again.
        StreamInfo[] streams = [new(9, StreamKind.Disk, "disk", chunk.Length, 0, 0)];
        CommitSummary made = host.Lease.Commit(GenerationKind.Checkpoint, "all", streams, close: true);
        Assert.True(made.CellsAdded > 1);
        host.End();
        other.End();

        pod.Reopen();
        using SessionReader reader = isOpen ? pod.Vault.OpenSession(TestPod.Session)
            : pod.Vault.OpenSession(TestPod.Session, fork: Assert.Single(pod.Vault.ListForks(made.Record.Session)).LeaseId);
        byte[] got = new byte[chunk.Length];
        Assert.True(reader.ReadChunk(streams[0], 0, got));
        Assert.Equal(chunk, got);
        // When nobody has any, they are cut off as ever.
        (other, long before) = (new RemoteHost(pod, "other", create: true), pod.Vault.Store.CellCount);
        Seal(other);
        Assert.True(pod.Vault.Store.CellCount > before);
        other.Lease.Discard();
        Assert.Equal(before, pod.Vault.Store.CellCount);
        other.End();

        void Seal(RemoteHost by)
        {
            by.Lease.Put(new ChunkKey(9, 0), Codec.Raw, chunk.Length, chunk, by.Lease.TagOf(chunk));
            by.Lease.SealBatch();
        }
    }

    [Fact]
    [Trait("Spec", "V-84")]
    public void Another_host_and_a_lower_term_are_not_attached_and_a_broken_lease_for_a_fork_only()
    {
        using TestPod pod = WithOneGeneration(Suite);
        var host = new RemoteHost(pod);
        SessionHandle session = host.Lease.Session;
        (ulong id, ulong term) = (host.Lease.LeaseId, host.Lease.Term);
        AssertBusy(() => pod.Vault.AttachLease(session, id, term, RemoteHost.Name + 1, 10));
        AssertBusy(() => pod.Vault.AttachLease(session, id, term - 1, RemoteHost.Name, 10));
        AssertBusy(() => pod.Vault.AttachLease(session, id + 1, term, RemoteHost.Name, 10));
        AssertBusy(() => pod.Vault.AttachLease(new SessionHandle(4), id, term, RemoteHost.Name, 10));
        pod.Vault.AttachLease(session, id, term, RemoteHost.Name, 10).Dispose();
        Assert.True(pod.Vault.BreakLease(TestPod.Session));
        using (GrantedLease ended = pod.Vault.AttachLease(session, id, term, RemoteHost.Name, 10))
            Assert.False(ended.IsOpen);
        AssertBusy(() => pod.Vault.AttachLease(session, id, term, RemoteHost.Name + 1, 10));
        pod.Write("b", Data.Random(11, 40_000));
        AssertBusy(() => Put(pod, host));
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-82")]
    public void A_commit_whose_answer_was_lost_is_replaced_by_the_next_one_with_everything_in_it()
    {
        using TestPod pod = WithOneGeneration(Suite);
        var host = new RemoteHost(pod);
        using (SessionImage image = ImageOf(host))
        {
            Replace(pod, image, "a", Data.Random(8, 300_000));
            host.LosesAnswers = true;
            Assert.Equal(ExitCode.LinkLost, Assert.Throws<VmPodException>(() => image.Commit(GenerationKind.DiskOnly, "lost")).ExitCode);
            host.LosesAnswers = false;
            Replace(pod, image, "b", Data.Random(12, 60_000));
            image.Commit(GenerationKind.DiskOnly, "heard");
        }
        host.Lease.Close();
        host.End();
        pod.Reopen();
        AssertSameBytes(pod.Source, pod.Get());
        pod.Put();
        Assert.True(pod.Vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
    }

    [Fact]
    [Trait("Spec", "V-82")]
    public void A_sessions_first_commit_whose_answer_was_lost_is_replaced_too()
    {
        using var pod = new TestPod(CellBytes, suite: Suite);
        var host = new RemoteHost(pod, create: true) { LosesAnswers = true };
        byte[] chunk = Data.Random(1, FormatLimits.ChunkBytes), got = new byte[FormatLimits.ChunkBytes];
        StreamInfo[] streams = [new(1, StreamKind.Disk, "disk", chunk.Length, 0, 0)];
        host.Lease.Put(new ChunkKey(1, 0), Codec.Raw, chunk.Length, chunk, host.Lease.TagOf(chunk));
        Assert.Equal(ExitCode.LinkLost,
            Assert.Throws<VmPodException>(() => host.Lease.Commit(GenerationKind.Checkpoint, "lost", streams)).ExitCode);
        host.LosesAnswers = false;
        host.Lease.Commit(GenerationKind.Checkpoint, "heard", streams, close: true);
        host.End();
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        Assert.Equal("heard", reader.Label);
        Assert.True(reader.ReadChunk(streams[0], 0, got));
        Assert.Equal(chunk, got);
        Assert.True(pod.Vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
    }

    [Fact]
    [Trait("Spec", "V-82")]
    public void A_host_that_goes_on_from_an_older_generation_commits_above_all_that_the_session_has()
    {
        using TestPod pod = WithOneGeneration(Suite);
        string first = pod.Keep("first");
        pod.Write("a", Data.Random(8, 300_000));
        pod.Put();
        pod.Put();
        var host = new RemoteHost(pod, generation: 1);
        FolderTree.AssertSame(first, FromHost(pod, host));
        Write(pod, host, "a", Data.Random(9, 20_000));
        host.Lease.Close();
        host.End();
        Assert.Equal(4UL, pod.Vault.FindSession(TestPod.Session).Tip.Generation);
        AssertSameBytes(pod.Source, pod.Get());
        FolderTree.AssertSame(first, pod.Get(1));
    }

    [Fact]
    [Trait("Spec", "V-83")]
    public void A_lease_s_quota_of_cells_ends_with_no_space()
    {
        using TestPod pod = WithOneGeneration(Suite);
        var host = new RemoteHost(pod, cellsMax: 3);
        pod.Write("b", Data.Random(12, 200_000));
        Assert.Equal(ExitCode.NoSpace, Assert.Throws<VmPodException>(() => Put(pod, host)).ExitCode);
        host.End();
    }

    internal static TestPod WithOneGeneration(byte suite = CellSuite.HmacAes)
    {
        var pod = new TestPod(CellBytes, suite: suite);
        pod.Write("a", Data.Random(1, 500_000));
        pod.Write("b", Data.Text(2, 400_000));
        pod.Put();
        return pod;
    }

    internal static void Put(TestPod pod, RemoteHost host) =>
        SnapshotWriter.Put(host.Lease, [pod.Source], "remote", null, TestContext.Current.CancellationToken);

    // A machine's streams have no modes and times of files.
    internal static void AssertSameBytes(string expected, string actual)
    {
        string[] names = [.. Directory.GetFiles(expected).Select(f => Path.GetFileName(f))];
        Assert.Equal(names.Order(), Directory.GetFiles(actual, "*", SearchOption.AllDirectories).Select(f => Path.GetFileName(f)).Order());
        foreach (string file in Directory.GetFiles(actual, "*", SearchOption.AllDirectories))
        {
            if (!File.ReadAllBytes(Path.Combine(expected, Path.GetFileName(file))).AsSpan().SequenceEqual(File.ReadAllBytes(file)))
                Assert.Fail($"{Path.GetFileName(file)} differs");
        }
    }

    internal static void Write(TestPod pod, RemoteHost host, string name, byte[] bytes)
    {
        using SessionImage image = ImageOf(host);
        Replace(pod, image, name, bytes);
        image.Commit(GenerationKind.DiskOnly, "remote");
    }

    internal static SessionImage ImageOf(RemoteHost host) => new(host.Lease, new SessionImageOptions { OverlayBytes = 1 << 20, CacheBytes = 1 << 20 });

    internal static void Replace(TestPod pod, SessionImage image, string name, byte[] bytes)
    {
        pod.Write(name, bytes);
        StreamInfo old = image.Streams.Single(s => s.Name == Path.GetFileName(pod.Source) + "/" + name || s.Name == name);
        image.Replace(old.Name, old.Kind, bytes);
    }

    internal static string FromHost(TestPod pod, RemoteHost host)
    {
        string folder = Path.Combine(pod.Root, "host-" + Guid.NewGuid().ToString("n"));
        SnapshotReader.Get(host.Lease.Reader!, folder, null, TestContext.Current.CancellationToken);
        return folder;
    }

    internal static CellId[] LiveOf(TestPod pod, string session = TestPod.Session)
    {
        GenerationInfo newest = pod.Vault.ListGenerations(pod.Vault.FindSession(session).Handle)[^1];
        return [.. pod.Vault.LiveSetOf(newest.Offset, newest.Hash).Enumerate()];
    }

    private static byte[] Plaintext(RemoteHost host, LeaseKeys keys)
    {
        byte[] work = new byte[CellLayout.HeaderBytes + CellLayout.Capacity(CellBytes)];
        var entry = new PayloadEntry(1, 0, Codec.Raw, 0, false, 4, 0, 4);
        CellContent.Write(work.AsSpan(CellLayout.HeaderBytes), new CellContext(host.Lease.Session, keys.LeaseId, 7, 99), [entry], [1, 2, 3, 4]);
        return work;
    }

    internal static void AssertRefused(string says, Action act)
    {
        VmPodException refused = Assert.Throws<VmPodException>(act);
        Assert.Equal(ExitCode.Refused, refused.ExitCode);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    internal static void AssertBusy(Action act) => Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(act).ExitCode);
}
