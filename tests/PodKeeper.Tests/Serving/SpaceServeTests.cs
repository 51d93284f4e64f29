using System.Diagnostics;
using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>A served pod whose disk fills up: its hosts are told over the wire, and one suspend still fits (rule 21).</summary>
public sealed class SpaceServeTests
{
    private const int DiskMiB = 64, FileBytes = 1 << 20;

    [Fact]
    [Trait("Spec", "S-71")]
    [Trait("Spec", "V-167")]
    [Trait("Threat", "T-14")]
    public void A_pod_that_fills_up_tells_its_hosts_and_a_suspend_over_the_link_still_fits()
    {
        using var pod = new ServedPod(diskMiB: DiskMiB);
        using WireHost host = pod.Connect(HostRole.Home);
        using SessionLease lease = host.Resume();
        PodSpace enough = Said(host, s => s.Room == PodRoom.Enough);
        Assert.InRange(enough.FreeBytes, (ulong)DiskMiB << 19, (ulong)DiskMiB << 20);

        // A tenth of 64 MiB is warned of; and all that is kept for a suspend here, since such a disk has no room for 64 MiB of it.
        FillUntil(pod, freeMiB: 5);
        PodSpace full = Said(host, s => s.Room == PodRoom.KeptOnly);
        Assert.InRange(full.FreeBytes, 4UL << 20, 6UL << 20);

        // Live sync is refused, as often as it is tried; the suspend is taken.
        byte[] files = RandomNumberGenerator.GetBytes(FileBytes);
        File.WriteAllBytes(pod.Temp["files", "a"], files);
        for (int again = 0; again < 3; again++)
        {
            Assert.Equal(ExitCode.NoSpace, Assert.Throws<VmPodException>(() =>
                lease.Commit(GenerationKind.Draft, "tip", lease.Reader!.Streams)).ExitCode);
        }
        SnapshotWriter.Put(lease, [pod.Temp["files"]], "suspend", null, TestContext.Current.CancellationToken);
        pod.Server.Look(p =>
        {
            Assert.True(p.Vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
            using SessionReader reader = p.Vault.OpenSession(ServedPod.Session);
            Assert.Equal("suspend", reader.Label);
            SnapshotReader.Get(reader, pod.Temp["out"], null, TestContext.Current.CancellationToken);
            return true;
        });
        Assert.Equal(files, File.ReadAllBytes(pod.Temp["out", "a"]));
        File.Delete(Filler(pod));
        Said(host, s => s.Room == PodRoom.Enough);
    }

    [Fact]
    [Trait("Spec", "S-71")]
    public void Between_a_tenth_and_what_is_kept_a_pod_says_that_it_runs_low_and_takes_everything()
    {
        // A tenth is 90 MiB; kept are 64.
        using var pod = new ServedPod(diskMiB: 900);
        using WireHost host = pod.Connect(HostRole.Home);
        Said(host, s => s.Room == PodRoom.Enough);
        FillUntil(pod, freeMiB: 75);
        // What is said while it is being filled may be low already, and more than in the end.
        PodSpace low = Said(host, s => s.Room == PodRoom.Low && s.FreeBytes <= 80UL << 20);
        Assert.InRange(low.FreeBytes, 70UL << 20, 80UL << 20);
        using SessionLease lease = host.Resume();
        lease.Commit(GenerationKind.Draft, "tip", lease.Reader!.Streams, close: true);
        // One that links now is told with the first beat.
        using WireHost other = pod.Connect(HostRole.Home);
        Assert.Equal(PodRoom.Low, Said(other, _ => true).Room);
    }

    private static string Filler(ServedPod pod) => pod.Temp["filler"];

    private static void FillUntil(ServedPod pod, int freeMiB)
    {
        long free = new DriveInfo(pod.Temp.FullPath).AvailableFreeSpace;
        byte[] block = new byte[1 << 20];
        using FileStream filler = File.Create(Filler(pod));
        for (; free > (long)freeMiB << 20; free -= block.Length)
            filler.Write(block);
    }

    private static PodSpace Said(WireHost host, Func<PodSpace, bool> isIt)
    {
        var since = Stopwatch.StartNew();
        while (since.Elapsed < WireHost.Patience)
        {
            if (host.Link.LastBeat.Space is { } space && isIt(space))
                return space;
            Thread.Sleep(20);
        }
        Assert.Fail($"The last beat was {host.Link.LastBeat}.");
        return default;
    }
}
