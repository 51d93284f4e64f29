using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Tests.Cells;

/// <summary>Freeing cells that nobody needs, by the store alone.</summary>
public class FreeTests
{
    private const int Cells = 40;
    private static readonly int[] Kept = [.. Enumerable.Range(0, Cells / 4).Select(n => 4 * n)];

    [Fact]
    [Trait("Spec", "V-161")]
    [Trait("Spec", "V-163")]
    public void FreedCellsGiveTheirSpaceBackAreAbsentAndAreNotTakenForDamage()
    {
        using var pod = Fill(Cells);
        long before = BlocksOf(pod);
        using (var store = pod.Open())
        {
            FreeReport would = store.Free(Request(Kept) with { IsDryRun = true }, default);
            Assert.Equal(0, store.FreedCells);
            FreeReport done = store.Free(Request(Kept), default);
            Assert.Equal(would, done);
            Assert.Equal((Cells * 3 / 4, Cells * 3 / 4L * PodFolder.CellBytes), (done.Cells, done.Bytes));
            AssertNeeded(store);
            PodFolder.AssertAbsent(store, 1, 3);
            // What was freed may come again, at another place.
            Assert.Equal(1, PodFolder.Append(store, 1, 1));
            _ = PodFolder.Commit(store, 9);
            PodFolder.AssertReads(store, 1, 1);
        }
        Assert.True(BlocksOf(pod) < before / 2, $"{before} blocks, then {BlocksOf(pod)}");
        File.Delete(pod.PathOf("v1/index"));
        using var again = pod.Open(StoreAccess.Read);
        AssertNeeded(again);
        Assert.Equal(Cells * 3 / 4, again.FreedCells);
    }

    [Fact]
    [Trait("Spec", "V-163")]
    public void WithoutItsMapTheSameHolesLookLikeDamageAndTheNextFreeingMendsThat()
    {
        using var pod = Fill(Cells);
        using (var store = pod.Open())
            _ = store.Free(Request(Kept), default);
        File.Delete(pod.PathOf("v1/freed.0"));
        File.Delete(pod.PathOf("v1/index"));
        using (var store = pod.Open())
        {
            VerifyReport report = store.Verify(Kept.Select(PodFolder.Id), null, default);
            Assert.Equal((Cells * 3 / 4L, 0L), (report.DamagedCount, report.MissingCount));
            _ = store.Free(Request(Kept), default);
            AssertNeeded(store);
        }
        using var again = pod.Open();
        AssertNeeded(again);
    }

    [Fact]
    [Trait("Spec", "V-164")]
    public void NothingIsFreedWhileANeededCellIsMissing()
    {
        using var pod = Fill(Cells);
        using var store = pod.Open();
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => store.Free(Request([.. Kept, Cells + 5]), default)).ExitCode);
        Assert.Equal(0, store.FreedCells);
        PodFolder.AssertReads(store, 0, Cells);
    }

    [Fact]
    [Trait("Spec", "V-164")]
    public void AnIndexThatForgotACellDoesNotLoseIt()
    {
        using var pod = Fill(Cells);
        // A second copy of a needed cell, of which alone the index knows: as after a lost write of the cache.
        using (var store = pod.Open())
        {
            pod.FlipBit("v1/segments/000000.seg", 5L * PodFolder.CellBytes + 99);
            Assert.Equal(1, PodFolder.Append(store, 5, 1));
            _ = PodFolder.Commit(store, 3);
        }
        pod.FlipBit("v1/segments/000000.seg", 5L * PodFolder.CellBytes + 99);
        using (var store = pod.Open())
        {
            _ = store.Free(Request([5]), default);
            PodFolder.AssertReads(store, 5, 1);
            Assert.Equal(Cells - 1, store.FreedCells);
        }
    }

    [Fact]
    [Trait("Spec", "V-162")]
    public void CellsOfALeaseThatMayStillNameThemStay()
    {
        using var pod = new PodFolder();
        pod.Create().Dispose();
        byte[] theirs = new byte[PodFolder.CellBytes], others = new byte[PodFolder.CellBytes];
        new CellHeader(2, PodFolder.CellBytes, 77).WriteTo(theirs);
        new CellHeader(2, PodFolder.CellBytes, 78).WriteTo(others);
        using var store = pod.Open();
        store.Append(CellId.Of(theirs), theirs);
        store.Append(CellId.Of(others), others);
        _ = PodFolder.Commit(store, 1);
        _ = store.Free(Request([]) with { IsHeld = lease => lease == 77 }, default);
        Assert.True(store.Contains(CellId.Of(theirs)));
        Assert.False(store.Contains(CellId.Of(others)));
    }

    [Fact]
    [Trait("Spec", "V-61")]
    [Trait("Spec", "V-161")]
    public void AnyErrorInAFreeingLosesNothingThatIsNeededAndTheNextOneGoesThrough()
    {
        int hits = 0;
        foreach (int error in (int[])[5, 28])
        {
            for (int fault = 0; ; fault++)
            {
                using var pod = Fill(Cells);
                int countdown = int.MaxValue;
                bool isHit = false;
                using (var store = pod.Open(StoreAccess.Write, operation =>
                {
                    if (countdown != int.MaxValue && countdown-- == 0)
                        throw new IOException($"injected into {operation.Kind} of {operation.Name}", error);
                }))
                {
                    countdown = fault;
                    try
                    {
                        _ = store.Free(Request(Kept), default);
                    }
                    catch (VmPodException)
                    {
                        isHit = true;
                        hits++;
                    }
                    countdown = int.MaxValue;
                }
                using var again = pod.Open();
                AssertNeeded(again);
                _ = again.Free(Request(Kept), default);
                AssertNeeded(again);
                Assert.Equal(Cells * 3 / 4, again.FreedCells);
                if (!isHit)
                    break;
            }
        }
        Assert.True(hits >= 30, $"{hits} faults");
    }

    [Fact]
    [Trait("Spec", "V-165")]
    public void AWholeSegmentThatNobodyNeedsIsDeleted()
    {
        using var pod = Fill(StoreLimits.SegmentCells + 8);
        using (var store = pod.Open())
        {
            _ = store.Free(Request(Enumerable.Range(StoreLimits.SegmentCells, 8)), default);
            Assert.False(File.Exists(pod.PathOf("v1/segments/000000.seg")));
            PodFolder.AssertReads(store, StoreLimits.SegmentCells, 8);
            Assert.Equal(1, PodFolder.Append(store, 0, 1));
            _ = PodFolder.Commit(store, 1);
        }
        using var again = pod.Open();
        PodFolder.AssertReads(again, 0, 1);
        PodFolder.AssertReads(again, StoreLimits.SegmentCells, 8);
        Assert.True(again.Verify([PodFolder.Id(0)], null, default).IsSound);
    }

    /// <summary>A pod with so many cells, committed.</summary>
    internal static PodFolder Fill(int cells, PodFolder? folder = null)
    {
        PodFolder pod = folder ?? new PodFolder();
        using var store = pod.Create();
        for (int from = 0; from < cells; from += 32)
            _ = PodFolder.Append(store, from, Math.Min(32, cells - from));
        _ = PodFolder.Commit(store, 1);
        return pod;
    }

    internal static FreeRequest Request(IEnumerable<int> needed)
    {
        var set = new LiveSet();
        foreach (int number in needed)
            set.Add(PodFolder.Id(number));
        return new FreeRequest
        {
            Needed = set,
            IsHeld = _ => false,
            Head = context => new HeadDraft(context.Seq, (long)context.Seq, context.Previous!.Sessions),
        };
    }

    private static void AssertNeeded(CellStore store)
    {
        foreach (int number in Kept)
            PodFolder.AssertReads(store, number, 1);
        Assert.True(store.Verify(Kept.Select(PodFolder.Id), null, default).IsSound);
    }

    private static long BlocksOf(PodFolder pod) => Directory.EnumerateFiles(pod.PathOf("v1/segments")).Sum(Pods.FolderTree.BlockBytes);
}
