using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Tests.Cells;

[Trait("Threat", "T-02")]
public class DamageTests
{
    private const string FirstSegment = "v1/segments/000000.seg";
    private const string SecondSegment = "v1/segments/000001.seg";
    private const int Cells = 1030;

    private static readonly CellId[] s_needed = [.. Enumerable.Range(0, Cells).Select(PodFolder.Id)];

    private static PodFolder Pod(int cells = Cells)
    {
        var pod = new PodFolder();
        using var store = pod.Create();
        _ = PodFolder.Append(store, 0, cells);
        _ = PodFolder.Commit(store, 1, 2, 3);
        _ = PodFolder.Commit(store, 4, 5, 6);
        return pod;
    }

    [Fact]
    [Trait("Spec", "V-70")]
    [Trait("Spec", "V-71")]
    public void AFlippedBitInASegmentIsNamedAndHealedByAppendingAgain()
    {
        using var pod = Pod();
        pod.FlipBit(FirstSegment, 7 * PodFolder.CellBytes + 99, 3);
        using var store = pod.Open();
        var damaged = Assert.Throws<DamagedCellException>(() => store.TryRead(PodFolder.Id(7), new byte[PodFolder.CellBytes]));
        Assert.Equal((PodFolder.Id(7), 0, 7, ExitCode.Damaged), (damaged.Id, damaged.Segment, damaged.Slot, damaged.ExitCode));
        PodFolder.AssertReads(store, 8, 1);
        var report = store.Verify(s_needed, null, default);
        Assert.Equal([new DamagedCell(PodFolder.Id(7), 0, 7, true)], report.Damaged);
        Assert.Equal([PodFolder.Id(7)], report.Missing);
        Assert.False(report.IsSound);

        Assert.Equal(1, PodFolder.Append(store, 7, 1));
        PodFolder.AssertReads(store, 7, 1);
        _ = PodFolder.Commit(store, 7);
        report = store.Verify(s_needed, null, default);
        Assert.Equal([new DamagedCell(PodFolder.Id(7), 0, 7, false)], report.Damaged);
        Assert.True(report.IsComplete);
        Assert.False(report.IsSound);
    }

    [Fact]
    [Trait("Spec", "V-69")]
    public void AReadNeverReturnsBytesOfADamagedCell()
    {
        using var pod = Pod(3);
        pod.FlipBit(FirstSegment, 0);
        using var store = pod.Open(StoreAccess.Read);
        var cell = new byte[PodFolder.CellBytes];
        Assert.Throws<DamagedCellException>(() => store.TryRead(PodFolder.Id(0), cell));
        Assert.DoesNotContain(cell, value => value != 0);
    }

    [Theory]
    [InlineData(StoreAccess.Read)]
    [InlineData(StoreAccess.Write)]
    [Trait("Spec", "V-68")]
    public void ATruncatedOrMissingSegmentLosesItsCellsAndNoOthers(StoreAccess access)
    {
        using (var pod = Pod())
        {
            using (var file = new FileStream(pod.PathOf(FirstSegment), FileMode.Open))
                file.SetLength(1000 * PodFolder.CellBytes + 5);
            using var store = pod.Open(access);
            PodFolder.AssertReads(store, 0, 1000);
            PodFolder.AssertReads(store, 1024, 6);
            Assert.Throws<DamagedCellException>(() => store.Contains(PodFolder.Id(1000)));
            var report = store.Verify(s_needed, null, default);
            Assert.Equal((24, 24), (report.DamagedCount, report.MissingCount));
        }
        using (var pod = Pod())
        {
            File.Delete(pod.PathOf(SecondSegment));
            using var store = pod.Open(access);
            PodFolder.AssertReads(store, 0, 1024);
            Assert.Throws<DamagedCellException>(() => store.Contains(PodFolder.Id(1024)));
            var report = store.Verify(s_needed, null, default);
            Assert.Equal((6, 6), (report.DamagedCount, report.MissingCount));
            Assert.All(report.Damaged, cell => Assert.Equal(1, cell.Segment));
            if (access == StoreAccess.Write)
            {
                _ = PodFolder.Append(store, 1024, 6);
                _ = PodFolder.Commit(store, 9);
                Assert.Equal(0, store.Verify(s_needed, null, default).MissingCount);
            }
        }
    }

    [Fact]
    [Trait("Spec", "V-40")]
    [Trait("Spec", "V-58")]
    public void ADeletedOrDamagedIndexIsRebuilt()
    {
        foreach (var damage in new Action<PodFolder>[]
        {
            pod => File.Delete(pod.PathOf("v1/index")),
            pod => File.WriteAllBytes(pod.PathOf("v1/index"), []),
            pod => pod.FlipBit("v1/index", 3),
            pod => File.WriteAllBytes(pod.PathOf("v1/index"), new byte[new FileInfo(pod.PathOf("v1/index")).Length]),
            pod => { for (long at = 512; at < new FileInfo(pod.PathOf("v1/index")).Length; at += 512) pod.FlipBit("v1/index", at + 40,
                2); },
            pod => { using var file = new FileStream(pod.PathOf("v1/index"),
                FileMode.Open); file.Position = 512; file.Write(new byte[20_000]); },
        })
        {
            foreach (var access in new[] { StoreAccess.Read, StoreAccess.Write })
            {
                using var pod = Pod();
                damage(pod);
                using (var store = pod.Open(access))
                {
                    PodFolder.AssertReads(store, 0, Cells);
                    PodFolder.AssertAbsent(store, 5000, 3);
                    Assert.True(store.Verify(s_needed, null, default).IsSound);
                }
                using var again = pod.Open();
                PodFolder.AssertReads(again, 0, Cells);
            }
        }
    }

    [Fact]
    public void TheTailThatTheIndexMissedIsAddedAgain()
    {
        using var pod = Pod();
        var old = File.ReadAllBytes(pod.PathOf("v1/index"));
        using (var store = pod.Open())
        {
            _ = PodFolder.Append(store, 2000, 50);
            _ = PodFolder.Commit(store, 1);
        }
        foreach (var access in new[] { StoreAccess.Read, StoreAccess.Write })
        {
            File.WriteAllBytes(pod.PathOf("v1/index"), old);
            using var store = pod.Open(access);
            PodFolder.AssertReads(store, 2000, 50);
            PodFolder.AssertReads(store, 0, Cells);
        }
    }

    [Fact]
    public void AnIndexOfALaterStateThatWasTakenBackDoesNotMislead()
    {
        using var pod = Pod(10);
        var files = Directory.EnumerateFiles(pod.Dir, "*", SearchOption.AllDirectories).Where(path =>
            !path.EndsWith("index", StringComparison.Ordinal))
            .ToDictionary(path => path, File.ReadAllBytes);
        using (var store = pod.Open())
        {
            _ = PodFolder.Append(store, 100, 20);
            _ = PodFolder.Commit(store, 1);
        }
        foreach (var (path, bytes) in files)
            File.WriteAllBytes(path, bytes);
        using (var store = pod.Open())
        {
            PodFolder.AssertAbsent(store, 100, 20);
            _ = PodFolder.Append(store, 200, 20);
            PodFolder.AssertAbsent(store, 100, 20);
            PodFolder.AssertReads(store, 200, 20);
            _ = PodFolder.Commit(store, 2);
            Assert.True(store.Verify(Enumerable.Range(200, 20).Select(PodFolder.Id), null, default).IsSound);
        }
    }

    [Fact]
    public void BothSlotsDamagedIsSaidClearly()
    {
        using var pod = Pod(2);
        pod.FlipBit("v1/slots.bin", 100);
        pod.FlipBit("v1/slots.bin", 4096 + 100);
        var damaged = Assert.Throws<VmPodException>(() => pod.Open(StoreAccess.Read));
        Assert.Equal(ExitCode.Damaged, damaged.ExitCode);
        Assert.Contains("both of its slots are damaged", damaged.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "V-63")]
    public void TheNewestSlotDamagedLosesNothingBecauseTheLogHoldsItsHead()
    {
        using var pod = Pod(5);
        // Seq 3 stands at place 1.
        pod.FlipBit("v1/slots.bin", 4096 + 50, 6);
        foreach (var access in new[] { StoreAccess.Read, StoreAccess.Write })
        {
            using var store = pod.Open(access);
            Assert.Equal(3UL, store.Head.Seq);
            PodFolder.AssertReads(store, 0, 5);
        }
        Assert.True(SlotRecord.TryParse(File.ReadAllBytes(pod.PathOf("v1/slots.bin")).AsSpan(4096), 1, out var slot));
        Assert.Equal((3UL, 5L), (slot!.Seq, slot.Cells));
    }

    [Fact]
    [Trait("Spec", "V-65")]
    [Trait("Spec", "V-73")]
    public void ANewestHeadThatIsDamagedOpensTheOlderOneForReadingOnly()
    {
        using var pod = Pod(5);
        pod.FlipBit("v1/log", new FileInfo(pod.PathOf("v1/log")).Length - 1);
        var before = File.ReadAllBytes(pod.PathOf("v1/log"));
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => pod.Open()).ExitCode);
        using var store = pod.Open(StoreAccess.Read);
        Assert.True(store.NewestHeadLost);
        Assert.Equal(2UL, store.Head.Seq);
        PodFolder.AssertReads(store, 0, 5);
        Assert.False(store.Verify([], null, default).IsSound);
        Assert.Equal(before, File.ReadAllBytes(pod.PathOf("v1/log")));
    }

    [Fact]
    public void EveryFlippedByteOfEveryFileIsFoundOrChangesNothing()
    {
        using var pod = Pod(3);
        CellId[] needed = [.. Enumerable.Range(0, 3).Select(PodFolder.Id)];
        var (found, harmless) = (0, 0);
        foreach (string name in new[] { "vault.json", "v1/log", "v1/slots.bin", FirstSegment })
        {
            long length = new FileInfo(pod.PathOf(name)).Length;
            long step = name == FirstSegment ? 97 : 1;
            for (long at = 0; at < length; at += step)
            {
                int bit = (int)(at % 8);
                pod.FlipBit(name, at, bit);
                bool isFound = IsFound(pod, needed);
                pod.FlipBit(name, at, bit);
                found += isFound ? 1 : 0;
                harmless += isFound ? 0 : 1;
                // The older slot counts for nothing, and the newer one is rolled forward from the log. The date and suite of vault.json are
                // under no signature of the store's; the caller compares them with what the log's first entry signs.
                bool mayBeHarmless = name is "v1/slots.bin" or "vault.json";
                Assert.True(isFound || mayBeHarmless, $"byte {at} of {name} was changed and nobody noticed");
            }
        }
        Assert.True(found > 700, $"{found} found, {harmless} harmless");
    }

    private static bool IsFound(PodFolder pod, CellId[] needed)
    {
        try
        {
            using var store = pod.Open(StoreAccess.Read);
            if (store.NewestHeadLost)
                return true;
            Assert.Equal(3UL, store.Head.Seq);
            return !store.Verify(needed, null, default).IsSound;
        }
        catch (VmPodException e)
        {
            Assert.True(e.ExitCode is ExitCode.Damaged or ExitCode.Refused, e.ToString());
            return true;
        }
    }
}
