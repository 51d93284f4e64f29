using VmPod.Vault.Cells;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A pod on exFAT, which has no holes: segments that are mostly dead are stored anew.</summary>
[Collection(PodsCollection.Name)]
public sealed class ExFatTests
{
    [Fact]
    [Trait("Spec", "V-165")]
    public void A_pod_on_exfat_gets_its_space_back_and_loses_nothing()
    {
        using var disk = new ExFatDisk(160);
        using var pod = new TestPod(16 * 1024, root: disk.Path);
        // 1,024 cells of 16 KiB are a segment: each generation fills more than one.
        pod.Write("same", Data.Random(100, 2_000_000));
        for (int i = 1; i <= 3; i++)
        {
            pod.Write("a", Data.Random(i, 20_000_000));
            pod.Put();
        }
        long before = disk.UsedBytes;
        byte[] same = File.ReadAllBytes(pod.FileOf("same")), newest = File.ReadAllBytes(pod.FileOf("a"));
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [1, 2], []));
        FreeReport would = pod.Vault.CollectGarbage(isDryRun: true, null, TestContext.Current.CancellationToken).Freed;
        Assert.False(would.HasHoles);
        FreeReport done = pod.Vault.CollectGarbage(isDryRun: false, null, TestContext.Current.CancellationToken).Freed;
        Assert.Equal(would, done);
        Assert.True(done.Moved > 0 && done.Bytes > 25_000_000, $"{done}");
        Assert.True(disk.UsedBytes < before - 25_000_000, $"{before} bytes, then {disk.UsedBytes}");
        pod.Reopen();
        Assert.True(pod.Vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
        string got = pod.Get();
        Assert.Equal(same, File.ReadAllBytes(Path.Combine(got, "same")));
        Assert.Equal(newest, File.ReadAllBytes(Path.Combine(got, "a")));
        // What is left is too little to be worth it.
        Assert.Equal(0, pod.Vault.CollectGarbage(isDryRun: false, null, TestContext.Current.CancellationToken).Freed.Cells);
    }
}
