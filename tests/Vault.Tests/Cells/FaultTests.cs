using VmPod.Foundation;
using VmPod.Vault.Cells;

namespace VmPod.Vault.Tests.Cells;

[Trait("Threat", "T-20")]
public class FaultTests
{
    private const int EIO = 5, ENOSPC = 28;

    private static readonly DiskOperationKind[] s_syncs = [DiskOperationKind.Sync, DiskOperationKind.SyncFolder];

    [Fact]
    [Trait("Spec", "V-61")]
    public void AnyWriteOrSyncErrorPoisonsTheStoreAndNothingCommittedIsLost()
    {
        int poisoned = 0;
        for (int fault = 0; ; fault++)
        {
            using var pod = new PodFolder();
            using (var store = pod.Create())
            {
                _ = PodFolder.Append(store, 0, 2);
                _ = PodFolder.Commit(store, 1);
            }
            int countdown = int.MaxValue;
            ulong acknowledged = 2;
            bool isHit = false;
            using (var store = pod.Open(StoreAccess.Write, operation => Fail(operation, ref countdown, EIO)))
            {
                countdown = fault;
                try
                {
                    acknowledged = Work(store);
                }
                catch (VmPodException e)
                {
                    isHit = true;
                    Assert.IsType<StorePoisonedException>(e);
                    countdown = int.MaxValue;
                    foreach (var use in new Action[] { store.Flush, () => PodFolder.Commit(store, 1), () =>
                        PodFolder.Append(store, 70, 1), () => store.Contains(PodFolder.Id(0)), store.DiscardUncommitted })
                        Assert.Contains("earlier", Assert.Throws<StorePoisonedException>(use).Message, StringComparison.Ordinal);
                    poisoned++;
                }
            }
            using (var reopened = pod.Open())
            {
                Assert.InRange(reopened.Head.Seq, acknowledged, 3UL);
                PodFolder.AssertReads(reopened, 0, 2);
                Assert.Null(reopened.Verify([], null, default).LogDamage);
            }
            if (!isHit && countdown != int.MaxValue && countdown >= 0)
                break;
        }
        Assert.True(poisoned >= 7, $"{poisoned} faults");
    }

    [Fact]
    [Trait("Spec", "V-67")]
    public void NoSpaceInAWriteLeavesTheStoreInUse()
    {
        int full = 0;
        for (int fault = 0; ; fault++)
        {
            using var pod = new PodFolder();
            pod.Create().Dispose();
            int countdown = int.MaxValue;
            bool isHit = false;
            using (var store = pod.Open(StoreAccess.Write, operation =>
            {
                // A full disk refuses new data. In place (slots, index) nothing new is needed, and a sync is another matter.
                if (operation.Kind == DiskOperationKind.Write
                    && (operation.Name.EndsWith(".seg", StringComparison.Ordinal) || operation.Name == "v1/log"))
                    Fail(operation, ref countdown, ENOSPC);
            }))
            {
                countdown = fault;
                try
                {
                    _ = Work(store);
                }
                catch (VmPodException e)
                {
                    isHit = true;
                    Assert.Equal(ExitCode.NoSpace, e.ExitCode);
                    Assert.IsNotType<StorePoisonedException>(e);
                    full++;
                    countdown = int.MaxValue;
                    Assert.Equal(2UL, Work(store));
                }
                PodFolder.AssertReads(store, 50, 2);
                Assert.True(store.Verify([PodFolder.Id(50), PodFolder.Id(51)], null, default).IsSound);
            }
            using var reopened = pod.Open();
            Assert.Equal(2UL, reopened.Head.Seq);
            PodFolder.AssertReads(reopened, 50, 2);
            if (!isHit)
                break;
        }
        Assert.True(full >= 2, $"{full} faults");
    }

    [Fact]
    public void ASyncThatFailsForWantOfSpaceIsNotForgivenEither()
    {
        using var pod = new PodFolder();
        pod.Create().Dispose();
        int countdown = int.MaxValue;
        using var store = pod.Open(StoreAccess.Write, operation =>
        {
            if (s_syncs.Contains(operation.Kind))
                Fail(operation, ref countdown, ENOSPC);
        });
        _ = PodFolder.Append(store, 0, 1);
        countdown = 0;
        Assert.Equal(ExitCode.NoSpace, Assert.Throws<StorePoisonedException>(store.Flush).ExitCode);
        Assert.Throws<StorePoisonedException>(store.Flush);
    }

    private static ulong Work(CellStore store)
    {
        _ = PodFolder.Append(store, 50, 2);
        store.Flush();
        return PodFolder.Commit(store, 1, 2).Head.Seq;
    }

    private static void Fail(DiskOperation operation, ref int countdown, int error)
    {
        if (countdown != int.MaxValue && countdown-- == 0)
            throw new IOException($"injected into {operation.Kind} of {operation.Name}", error);
    }
}
