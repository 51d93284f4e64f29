using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A full disk loses nothing that was committed, and the vault goes on when there is space again.</summary>
[Collection(PodsCollection.Name)]
public sealed class NoSpaceTests
{
    [Fact]
    [Trait("Spec", "V-38")]
    public void A_put_onto_a_full_pod_keeps_the_older_generation_and_works_once_there_is_space()
    {
        using var disk = new SmallDisk(24);
        using var pod = new TestPod(root: disk.Path);
        pod.Write("a", Data.Text(1, 2_000_000));
        pod.Put();
        string kept = pod.Keep("before");
        string filler = Path.Combine(disk.Path, "filler");
        File.WriteAllBytes(filler, new byte[10_000_000]);
        pod.Write("a", Data.Random(2, 7_000_000));
        Assert.Equal(ExitCode.NoSpace, Assert.Throws<VmPodException>(() => pod.Put()).ExitCode);
        File.Delete(filler);
        FolderTree.AssertSame(kept, pod.Get());
        Directory.Delete(Path.Combine(disk.Path, "get-0"), recursive: true);
        pod.Put();
        pod.Reopen();
        FolderTree.AssertSame(kept, pod.Get(generation: 1));
        Assert.True(pod.Vault.Verify(progress: null, TestContext.Current.CancellationToken).IsSound);
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        AssertHolds(reader, "a", File.ReadAllBytes(pod.FileOf("a")));
    }

    [Fact]
    public void A_get_onto_a_full_disk_removes_what_it_wrote()
    {
        using var disk = new SmallDisk(2);
        using var pod = new TestPod();
        pod.Write("a", Data.Random(1, 5_000_000));
        pod.Put();
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        string folder = Path.Combine(disk.Path, "got");
        VmPodException e = Assert.Throws<VmPodException>(() => SnapshotReader.Get(reader, folder, null, TestContext.Current.CancellationToken));
        Assert.Equal(ExitCode.NoSpace, e.ExitCode);
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void A_commit_that_found_no_space_can_be_tried_again_with_all_that_was_put()
    {
        using var disk = new SmallDisk(16);
        using var pod = new TestPod(16 * 1024, disk.Path);
        using SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: true, TestPod.Host);
        string filler = Path.Combine(disk.Path, "filler");
        var stored = new Dictionary<ulong, byte[]>();
        var refused = new List<ulong>();
        // Space goes away after 40 chunks; each chunk is larger than a cell.
        for (ulong i = 0; i < 120; i++)
        {
            if (i == 40)
                Fill(filler);
            byte[] chunk = Data.Random((int)i, 65_536);
            try
            {
                lease.Put(new ChunkKey(1, i), Codec.Raw, chunk.Length, chunk, lease.TagOf(chunk));
                stored[i] = chunk;
            }
            catch (VmPodException e) when (e.ExitCode == ExitCode.NoSpace)
            {
                refused.Add(i);
            }
        }
        Assert.NotEmpty(refused);
        StreamInfo[] streams = [new(1, StreamKind.Disk, "disk", 120 * 65_536, 0, 0)];
        Assert.Equal(ExitCode.NoSpace, Assert.Throws<VmPodException>(() => lease.Commit(GenerationKind.Checkpoint, "full", streams)).ExitCode);
        File.Delete(filler);
        foreach (ulong i in refused.Take(20))
        {
            byte[] chunk = Data.Random((int)i, 65_536);
            lease.Put(new ChunkKey(1, i), Codec.Raw, chunk.Length, chunk, lease.TagOf(chunk));
            stored[i] = chunk;
        }
        lease.Commit(GenerationKind.Checkpoint, "again", streams, close: true);
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        byte[] got = new byte[65_536];
        for (ulong i = 0; i < 120; i++)
        {
            Assert.Equal(stored.ContainsKey(i), reader.ReadChunk(streams[0], (long)i, got));
            Assert.True(!stored.TryGetValue(i, out byte[]? chunk) || chunk.AsSpan().SequenceEqual(got), $"chunk {i}");
        }
        Assert.True(pod.Vault.Verify(progress: null, TestContext.Current.CancellationToken).IsSound);
    }

    private static void Fill(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        byte[] block = new byte[4096];
        try
        {
            for (long at = 0; ; at += block.Length)
                RandomAccess.Write(file, block, at);
        }
        catch (IOException e) when (Libc.IsNoSpace(e))
        {
        }
    }

    private static void AssertHolds(SessionReader reader, string name, byte[] expected)
    {
        StreamInfo stream = reader.Stream(name);
        byte[] chunk = new byte[65_536];
        for (long i = 0; i < stream.ChunkCount; i++)
        {
            reader.ReadChunk(stream, i, chunk);
            Assert.True(expected.AsSpan((int)(i * 65_536), stream.ChunkLength(i)).SequenceEqual(chunk.AsSpan(0, stream.ChunkLength(i))), $"chunk {i}");
        }
    }
}
