using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>One writer for each session, and the owner's word over it.</summary>
[Collection(PodsCollection.Name)]
public sealed class LeaseTests
{
    private static readonly UInt128 OtherHost = new(3, 4);

    [Fact]
    [Trait("Spec", "V-37")]
    public void A_lease_that_another_host_holds_is_busy_and_the_same_host_takes_its_own_back_after_a_crash()
    {
        using var pod = WithOneGeneration();
        // Not closed: as a crash leaves it.
        pod.Vault.BeginLease(TestPod.Session, create: false, OtherHost).Dispose();
        pod.Reopen();
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => pod.Put()).ExitCode);
        using SessionLease again = pod.Vault.BeginLease(TestPod.Session, create: false, OtherHost);
        again.Close();
        pod.Put();
    }

    [Fact]
    [Trait("Spec", "V-37")]
    public void After_its_lease_is_broken_a_writer_is_refused_and_the_session_goes_on()
    {
        using var pod = WithOneGeneration();
        using SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: false, OtherHost);
        Assert.True(pod.Vault.BreakLease(TestPod.Session));
        Assert.False(pod.Vault.BreakLease(TestPod.Session));
        pod.Write("a", Data.Random(7, 100_000));
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => SnapshotWriter.Put(lease, [pod.Source], "late", null,
            TestContext.Current.CancellationToken)).ExitCode);
        Assert.Equal(1UL, pod.Vault.FindSession(TestPod.Session).Tip.Generation);
        lease.Close();
        pod.Put();
        FolderTree.AssertSame(pod.Source, pod.Get());
    }

    [Fact]
    [Trait("Spec", "V-37")]
    public void A_session_that_another_host_is_making_is_not_made_twice()
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Random(7, 10_000));
        using SessionLease first = pod.Vault.BeginLease("new", create: true, OtherHost);
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => pod.Vault.BeginLease("new", create: true, TestPod.Host)).ExitCode);
        using (SessionLease other = pod.Vault.BeginLease("other", create: true, TestPod.Host))
            SnapshotWriter.Put(other, [pod.Source], "other", null, TestContext.Current.CancellationToken);
        // Its own host may begin anew, and then the first lease is of no use.
        using SessionLease second = pod.Vault.BeginLease("new", create: true, OtherHost);
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => SnapshotWriter.Put(first, [pod.Source], "late", null,
            TestContext.Current.CancellationToken)).ExitCode);
        SnapshotWriter.Put(second, [pod.Source], "in time", null, TestContext.Current.CancellationToken);
        Assert.Single(pod.Vault.ListSessions(), s => s.Name == "new");
        second.Close();
        // One that was begun and given up keeps its name from nobody.
        using (SessionLease third = pod.Vault.BeginLease("third", create: true, OtherHost))
        {
        }
        using SessionLease fourth = pod.Vault.BeginLease("third", create: true, TestPod.Host);
        fourth.Close();
    }

    [Fact]
    [Trait("Spec", "V-37")]
    public void A_second_lease_of_the_same_host_fences_the_first()
    {
        using var pod = WithOneGeneration();
        using SessionLease first = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host);
        using SessionLease second = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host);
        Assert.True(second.Term > first.Term);
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => SnapshotWriter.Put(first, [pod.Source], "late", null,
            TestContext.Current.CancellationToken)).ExitCode);
        SnapshotWriter.Put(second, [pod.Source], "in time", null, TestContext.Current.CancellationToken);
    }

    [Fact]
    [Trait("Spec", "V-36")]
    public void A_lease_from_an_older_generation_goes_on_from_it_and_the_newer_ones_stay()
    {
        using var pod = WithOneGeneration();
        string first = pod.Keep("first");
        pod.Write("a", Data.Random(7, 200_000));
        pod.Put();
        string second = pod.Keep("second");
        using (SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host, generation: 1))
        {
            Assert.Equal(1UL, lease.Reader!.Record.Generation);
            Data.WriteAt(Path.Combine(first, "a"), 5, [9]);
            SnapshotWriter.Put(lease, [first], "back", null, TestContext.Current.CancellationToken);
        }
        FolderTree.AssertSame(first, pod.Get());
        FolderTree.AssertSame(first, pod.Get(generation: 3));
        FolderTree.AssertSame(second, pod.Get(generation: 2));
    }

    [Fact]
    public void Zeros_put_over_a_chunk_that_waits_in_the_open_cell_win()
    {
        using var pod = new TestPod();
        using SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: true, TestPod.Host);
        byte[] chunk = Data.Text(1, 65_536);
        var key = new ChunkKey(1, 0);
        lease.Put(key, Codec.Raw, chunk.Length, chunk, lease.TagOf(chunk));
        lease.Put(new ChunkKey(1, 1), Codec.Raw, chunk.Length, chunk, lease.TagOf(chunk));
        lease.Put(key with { Chunk = 2 }, Codec.Raw, 100, chunk.AsSpan(0, 100), lease.TagOf(chunk.AsSpan(0, 100)));
        lease.PutZero(key with { Chunk = 2 });
        lease.SealBatch();
        Assert.False(lease.TryFind(key with { Chunk = 2 }, out _));
        lease.PutZero(key);
        var stream = new StreamInfo(1, StreamKind.Disk, "disk", 3 * 65_536, 0, 0);
        lease.Commit(GenerationKind.Checkpoint, "test", [stream], close: true);
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        byte[] got = new byte[65_536];
        Assert.False(reader.ReadChunk(stream, 0, got));
        Assert.True(reader.ReadChunk(stream, 1, got));
        Assert.Equal(chunk, got);
        Assert.False(reader.ReadChunk(stream, 2, got));
    }

    [Fact]
    [Trait("Spec", "V-36")]
    public void A_commit_of_some_streams_leaves_the_others_pending_for_the_next()
    {
        using var pod = new TestPod();
        byte[] disk = Data.Text(1, 65_536), memory = Data.Random(2, 65_536);
        StreamInfo[] streams = [new(1, StreamKind.Disk, "disk", 65_536, 0, 0), new(2, StreamKind.Memory, "memory", 65_536, 0, 0)];
        using SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: true, TestPod.Host);
        lease.Put(new ChunkKey(1, 0), Codec.Raw, disk.Length, disk, lease.TagOf(disk));
        lease.Put(new ChunkKey(2, 0), Codec.Raw, memory.Length, memory, lease.TagOf(memory));
        lease.Commit(GenerationKind.Draft, "tip", streams, include: s => s == 1);
        byte[] got = new byte[65_536];
        Assert.True(lease.Reader!.ReadChunk(streams[0], 0, got));
        Assert.Equal(disk, got);
        Assert.False(lease.Reader.ReadChunk(streams[1], 0, got));
        Assert.Empty(pod.Vault.ListGenerations(lease.Session));
        lease.Commit(GenerationKind.Checkpoint, "checkpoint", streams, close: true);
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        Assert.True(reader.ReadChunk(streams[1], 0, got));
        Assert.Equal(memory, got);
        Assert.True(pod.Vault.Verify(progress: null, TestContext.Current.CancellationToken).IsSound);
    }

    private static TestPod WithOneGeneration()
    {
        var pod = new TestPod();
        pod.Write("a", Data.Text(1, 100_000));
        pod.Put();
        return pod;
    }
}
