using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A pod that is nearly full keeps room for a suspend.</summary>
[Collection(PodsCollection.Name)]
[Trait("Threat", "T-14")]
public sealed class SpaceTests
{
    [Fact]
    [Trait("Spec", "V-167")]
    public void What_is_kept_for_a_suspend_is_refused_to_a_put_and_to_live_sync_and_given_to_the_suspend()
    {
        using var disk = new SmallDisk(64);
        using var pod = new TestPod(root: disk.Path);
        pod.Write("a", Data.Text(1, 1_000_000));
        pod.Put();
        Assert.False(pod.Vault.Space().IsLow);
        string filler = Path.Combine(disk.Path, "filler");
        // Five MiB stay: less than the tenth that is kept, and enough for what is tried.
        File.WriteAllBytes(filler, new byte[(int)pod.Vault.Space().FreeBytes - (5 << 20)]);
        Assert.True(pod.Vault.Space().IsLow);
        Assert.True(pod.Vault.Space().ReserveBytes > 5 << 20);

        pod.Write("a", Data.Random(2, 1_000_000));
        long cells = pod.Vault.Store.CellCount;
        VmPodException refused = Assert.Throws<VmPodException>(() => PutKeeping(pod));
        Assert.Equal(ExitCode.NoSpace, refused.ExitCode);
        Assert.Contains("suspend", refused.Message, StringComparison.Ordinal);
        Assert.Equal(cells, pod.Vault.Store.CellCount);

        using (SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host))
        {
            byte[] chunk = Data.Random(3, 65_536);
            StreamInfo[] streams = [new(1, StreamKind.Disk, "disk", 65_536, 0, 0)];
            lease.Put(new ChunkKey(1, 0), Codec.Raw, chunk.Length, chunk, lease.TagOf(chunk));
            Assert.Equal(ExitCode.NoSpace, Assert.Throws<VmPodException>(() => lease.Commit(GenerationKind.Draft, "tip", streams)).ExitCode);
            lease.Commit(GenerationKind.Checkpoint, "suspend", streams, close: true);
        }
        using (SessionReader reader = pod.Vault.OpenSession("vm"))
            Assert.Equal("suspend", reader.Label);
        File.Delete(filler);
        PutKeeping(pod);
        Assert.Equal(2UL, pod.Vault.FindSession(TestPod.Session).Tip.Generation);
    }

    // As podkeeper puts.
    private static void PutKeeping(TestPod pod)
    {
        using SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host, keepsReserve: true);
        try
        {
            SnapshotWriter.Put(lease, [pod.Source], "put", progress: null, TestContext.Current.CancellationToken);
        }
        catch
        {
            lease.Close();
            throw;
        }
    }
}
