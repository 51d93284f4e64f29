using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Tests.Cells;

public class StoreTests
{
    private const int Kept = 1, Gone = 2, Other = 3;

    [Fact]
    [Trait("Spec", "V-44")]
    [Trait("Spec", "V-49")]
    public void CellsAndEntriesAreThereAfterReopening()
    {
        using var pod = new PodFolder();
        Digest tip;
        using (var store = pod.Create())
        {
            Assert.Equal(1UL, store.Head.Seq);
            Assert.Equal(2500, PodFolder.Append(store, 0, 2500));
            var result = PodFolder.Commit(store, 1, 2, 3);
            tip = result.Entries[0].Hash;
            PodFolder.AssertReads(store, 0, 2500);
        }
        foreach (var access in new[] { StoreAccess.Read, StoreAccess.Write })
        {
            using var store = pod.Open(access);
            Assert.Equal(2UL, store.Head.Seq);
            Assert.Equal(2500, store.CellCount);
            PodFolder.AssertReads(store, 0, 2500);
            PodFolder.AssertAbsent(store, 2500, 10);
            var row = store.Head.Find(5)!;
            Assert.Equal(tip, row.TipHash);
            Assert.Equal([1, 2, 3], store.ReadEntry(row.TipOffset, tip).Payload.ToArray());
            Assert.Equal([1, 2, 1], store.EnumerateLog(0).Select(entry => entry.Type));
            Assert.True(store.Verify(Enumerable.Range(0, 2500).Select(PodFolder.Id), null, default).IsSound);
        }
    }

    [Fact]
    public void ACellThatIsThereIsNotAppendedAgain()
    {
        using var pod = new PodFolder();
        using var store = pod.Create();
        Assert.Equal(10, PodFolder.Append(store, 0, 10));
        Assert.Equal(5, PodFolder.Append(store, 5, 10));
        Assert.Equal(15, store.CellCount);
        CellId[] twice = [PodFolder.Id(100), PodFolder.Id(100)];
        Assert.Equal(1, store.Append(twice, [.. PodFolder.Cell(100), .. PodFolder.Cell(100)]));
        Assert.Equal(16, store.CellCount);
        PodFolder.AssertReads(store, 0, 15);
        PodFolder.AssertReads(store, 100, 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Spec", "V-58")]
    [Trait("Threat", "T-13")]
    public void AnIdIsNotKnownByThePlaceWhereItsCellWasCutOffAndAnotherStands(bool isKilled)
    {
        using var pod = WithAFreedCell();
        bool isDown = false;
        var store = pod.Open(observe: _ => IsUp(isDown));
        Assert.Equal(1, PodFolder.Append(store, Gone, 1));
        Assert.True(store.IsKnown(PodFolder.Id(Gone)));
        if (isKilled)
        {
            (isDown, CellStore before) = (true, store);
            Assert.Throws<StorePoisonedException>(before.Flush);
            before.Dispose();
            store = pod.Open();
        }
        else
        {
            store.DiscardUncommitted();
        }
        using (store)
        {
            AppendOther(store);
            MustNotKnow(store);
            // Nobody frees by what only seems to be there, and where it stands when it comes once more it is found.
            Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => store.Free(FreeTests.Request([Kept, Gone, Other]), default)).ExitCode);
            Assert.Equal(1, PodFolder.Append(store, Gone, 1));
            _ = PodFolder.Commit(store, 3);
            PodFolder.AssertReads(store, Kept, 3);
        }
    }

    [Fact]
    [Trait("Spec", "V-58")]
    [Trait("Threat", "T-13")]
    public void ATakenBackEntryThatThePowerBringsBackIsNotBelieved()
    {
        using var pod = WithAFreedCell();
        bool isDown = false;
        byte[] index;
        using (var store = pod.Open(observe: _ => IsUp(isDown)))
        {
            Assert.Equal(1, PodFolder.Append(store, Gone, 1));
            index = File.ReadAllBytes(pod.PathOf("v1/index"));
            store.DiscardUncommitted();
            AppendOther(store);
            isDown = true;
            Assert.Throws<StorePoisonedException>(() => PodFolder.Append(store, Other + 1, 1));
        }
        // The cache is not synced by a commit: what was written to it last is lost.
        File.WriteAllBytes(pod.PathOf("v1/index"), index);
        using (var reader = pod.Open(StoreAccess.Read))
            MustNotKnow(reader);
        using (var writer = pod.Open())
            MustNotKnow(writer);
        using var again = pod.Open();
        MustNotKnow(again);
    }

    [Fact]
    [Trait("Spec", "V-58")]
    [Trait("Threat", "T-13")]
    public void ACellThatWasCutOffManyTimesIsFoundOnceItIsCommitted()
    {
        // What a host hands in over a bad link, while another one commits: each time it came to stand elsewhere.
        using var pod = new PodFolder();
        using var store = pod.Create();
        for (int i = 0; i < 3 * CellStore.CandidatesMax; i++)
        {
            Assert.Equal(1, PodFolder.Append(store, 1000, 1));
            store.DiscardUncommitted();
            PodFolder.Append(store, i, 1);
            PodFolder.Commit(store, 1);
        }
        Assert.Equal(1, PodFolder.Append(store, 1000, 1));
        PodFolder.Commit(store, 2);
        PodFolder.AssertReads(store, 1000, 1);
        Assert.Equal(0, PodFolder.Append(store, 1000, 1));
        Assert.True(store.Verify([PodFolder.Id(1000)], null, default).IsSound);
    }

    [Fact]
    [Trait("Threat", "T-13")]
    public void HoweverManyAppendsAreNeverCommittedTheNextOneSucceeds()
    {
        // Entries of cells that were cut off stay in the index, and a store that is opened does not know how many they are.
        const int Rounds = 40, CellsEach = 700;
        using var pod = new PodFolder();
        using (var store = pod.Create())
        {
            Assert.Equal(20, PodFolder.Append(store, 0, 20));
            PodFolder.Commit(store, 1);
        }
        for (int round = 1; round <= Rounds; round++)
        {
            using var store = pod.Open();
            Assert.Equal(20, store.CellCount);
            Assert.Equal(CellsEach, PodFolder.Append(store, round * 1000, CellsEach));
        }
        using (var store = pod.Open())
        {
            Assert.Equal(CellsEach, PodFolder.Append(store, 900_000, CellsEach));
            PodFolder.Commit(store, 2);
            PodFolder.AssertReads(store, 0, 20);
            PodFolder.AssertReads(store, 900_000, CellsEach);
            PodFolder.AssertAbsent(store, 1000, 10);
        }
        using (var store = pod.Open(StoreAccess.Read))
            PodFolder.AssertReads(store, 900_000, CellsEach);
    }

    [Fact]
    [Trait("Threat", "T-17")]
    [Trait("Spec", "V-59")]
    public void ASecondWriterIsToldWhoHoldsTheVault()
    {
        using var pod = new PodFolder();
        using (var store = pod.Create())
        {
            foreach (var access in new[] { StoreAccess.Read, StoreAccess.Write })
            {
                var busy = Assert.Throws<VmPodException>(() => pod.Open(access));
                Assert.Equal(ExitCode.Busy, busy.ExitCode);
                Assert.Contains($"in use by process {Environment.ProcessId} (", busy.Message, StringComparison.Ordinal);
            }
        }
        using var first = pod.Open(StoreAccess.Read);
        using var second = pod.Open(StoreAccess.Read);
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => pod.Open(StoreAccess.Write)).ExitCode);
    }

    [Fact]
    [Trait("Spec", "V-66")]
    public void ACancelledPutLeavesTheVaultAsItWas()
    {
        using var pod = new PodFolder();
        using (var store = pod.Create())
        {
            _ = PodFolder.Append(store, 0, 1500);
            _ = PodFolder.Commit(store, 1);
            var before = Directory.EnumerateFiles(pod.PathOf("v1/segments")).Order().Select(path =>
                (path, File.ReadAllBytes(path).Length)).ToArray();
            _ = PodFolder.Append(store, 10_000, 1500);
            store.Flush();
            PodFolder.AssertReads(store, 10_000, 1500);
            store.DiscardUncommitted();
            Assert.Equal(before, Directory.EnumerateFiles(pod.PathOf("v1/segments")).Order().Select(path =>
                (path, File.ReadAllBytes(path).Length)));
            PodFolder.AssertAbsent(store, 10_000, 1500);
            // Other cells now stand where the discarded ones stood; asking for those must not be taken for damage.
            _ = PodFolder.Append(store, 20_000, 1500);
            PodFolder.AssertAbsent(store, 10_000, 1500);
            PodFolder.AssertReads(store, 0, 1500);
            PodFolder.AssertReads(store, 20_000, 1500);
        }
        using var reopened = pod.Open();
        Assert.Equal(1500, reopened.CellCount);
        PodFolder.AssertAbsent(reopened, 20_000, 1500);
        PodFolder.AssertReads(reopened, 0, 1500);
    }

    [Fact]
    public void FoldersThatAreNotFreeAreRefused()
    {
        using var pod = new PodFolder();
        File.WriteAllText(pod.PathOf("holiday.jpg"), "not a vault");
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => pod.Create()).ExitCode);
        Assert.Equal(ExitCode.NotFound, Assert.Throws<VmPodException>(() => pod.Open()).ExitCode);
        File.Delete(pod.PathOf("holiday.jpg"));
        pod.Create().Dispose();
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => pod.Create()).ExitCode);
        // Cells without vault.json are somebody's loss, not an unfinished creation.
        using (var store = pod.Open())
            _ = PodFolder.Append(store, 0, 1);
        File.Delete(pod.PathOf("vault.json"));
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => pod.Create()).ExitCode);
    }

    [Fact]
    [Trait("Spec", "V-47")]
    [Trait("Spec", "V-55")]
    public void AHeadOfAnotherLogKeyIsRefused()
    {
        using var pod = new PodFolder();
        pod.Create().Dispose();
        var refused = Assert.Throws<VmPodException>(() => CellStore.Open(pod.Dir, StoreAccess.Read, new FakeAuthority(8)));
        Assert.Equal(ExitCode.Damaged, refused.ExitCode);
    }

    [Fact]
    public void AHeadBuilderThatThrowsChangesNothing()
    {
        using var pod = new PodFolder();
        using var store = pod.Create();
        _ = PodFolder.Append(store, 0, 3);
        Assert.Throws<FormatException>(() => store.Commit([new(2, new byte[10])], _ => throw new FormatException()));
        Assert.Throws<ArgumentException>(() => store.Commit([new(1, new byte[10])], _ => new HeadDraft(0, 0, [])));
        Assert.Equal(1UL, store.Head.Seq);
        Assert.Equal(2UL, PodFolder.Commit(store, 9).Head.Seq);
        Assert.True(store.Verify([PodFolder.Id(0), PodFolder.Id(1), PodFolder.Id(2)], null, default).IsSound);
    }

    [Fact]
    public void ParallelAppendersAndReadersSeeWholeCells()
    {
        using var pod = new PodFolder();
        using var store = pod.Create();
        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 8 }, block =>
        {
            _ = PodFolder.Append(store, block * 50, 50);
            PodFolder.AssertReads(store, block * 50, 50);
            if (block % 10 == 0)
                _ = PodFolder.Commit(store, (byte)block);
        });
        Assert.Equal(2000, store.CellCount);
        _ = PodFolder.Commit(store, 1);
        Assert.True(store.Verify(Enumerable.Range(0, 2000).Select(PodFolder.Id), null, default).IsSound);
    }

    [Fact]
    [Trait("Spec", "V-45")]
    public void LargeEntriesAreReadWhole()
    {
        using var pod = new PodFolder();
        using var store = pod.Create();
        var large = new byte[3_000_000];
        large.AsSpan().Fill(7);
        large[5] = 1;
        var result = store.Commit([new(2, new byte[] { 1 }), new(3, large), new(4, Array.Empty<byte>()), new(5, new byte[300_000])],
            context => new HeadDraft(1, 1, context.Previous!.Sessions));
        Assert.Equal(large, store.ReadEntry(result.Entries[1].Offset, result.Entries[1].Hash).Payload.ToArray());
        Assert.Empty(store.ReadEntry(result.Entries[2].Offset, result.Entries[2].Hash).Payload.ToArray());
        var headers = store.EnumerateLog(0).ToArray();
        Assert.Equal([1, 2, 3, 4, 5, 1], headers.Select(header => (int)header.Type));
        Assert.Null(store.Verify([], null, default).LogDamage);
    }

    // Gone was there, and was freed.
    private static PodFolder WithAFreedCell()
    {
        var pod = new PodFolder();
        using CellStore store = pod.Create();
        Assert.Equal(2, PodFolder.Append(store, Kept, 2));
        _ = PodFolder.Commit(store, 1);
        Assert.Equal(1, store.Free(FreeTests.Request([Kept]), default).Cells);
        Assert.False(store.IsKnown(PodFolder.Id(Gone)));
        return pod;
    }

    private static void AppendOther(CellStore store)
    {
        Assert.Equal(1, PodFolder.Append(store, Other, 1));
        _ = PodFolder.Commit(store, 2);
    }

    private static void MustNotKnow(CellStore store)
    {
        PodFolder.AssertAbsent(store, Gone, 1);
        Assert.True(store.IsKnown(PodFolder.Id(Other)));
        Assert.False(store.IsKnown(PodFolder.Id(Gone)));
        Assert.Equal(1, store.Verify([PodFolder.Id(Kept), PodFolder.Id(Gone), PodFolder.Id(Other)], null, default).MissingCount);
    }

    private static void IsUp(bool isDown)
    {
        if (isDown)
            throw new IOException("The disk is gone.");
    }
}
