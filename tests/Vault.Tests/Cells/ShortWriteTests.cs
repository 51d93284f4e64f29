using VmPod.Foundation;
using VmPod.Vault.Cells;

namespace VmPod.Vault.Tests.Cells;

/// <summary>
/// A write that the kernel takes a part of and then refuses the rest of (SECURITY.md R6): at every write of a put, a commit and a freeing, the first bytes are
/// in the file and the call fails. What that leaves is never counted, and nothing acknowledged is lost.
/// </summary>
[Trait("Threat", "T-20")]
public class ShortWriteTests(ITestOutputHelper output)
{
    private const int EIO = 5, ENOSPC = 28;
    private static readonly int[] Kept = [0, 3, 6];

    // How many bytes of a write are there: a byte, a part that ends within a sector, all but one.
    private static readonly Func<int, int>[] Parts = [_ => 1, n => n / 2 + 1, n => n - 1];

    [Theory]
    [InlineData(ENOSPC)]
    [InlineData(EIO)]
    [Trait("Spec", "V-61")]
    [Trait("Spec", "V-62")]
    [Trait("Spec", "V-67")]
    public void A_write_of_which_only_a_part_is_done_is_never_acknowledged_and_loses_nothing(int error)
    {
        int faults = 0;
        foreach (Func<int, int> part in Parts)
        {
            for (int fault = 0; Try(fault, part, error); fault++)
                faults++;
        }
        output.WriteLine($"{faults} writes cut short, then error {error}: nothing acknowledged was lost");
        Assert.True(faults >= 3 * 12, $"{faults} faults");
    }

    // False once there are no more writes than that.
    private static bool Try(int fault, Func<int, int> part, int error)
    {
        using PodFolder pod = FreeTests.Fill(12, new PodFolder());
        ulong acknowledged;
        using (var store = pod.Open(StoreAccess.Read))
            acknowledged = store.Head.Seq;
        int[] needed = [.. Enumerable.Range(0, 12)];
        int countdown = fault;
        bool isHit = false;
        using (var store = pod.Open(StoreAccess.Write, operation =>
        {
            if (operation.Kind != DiskOperationKind.Write || countdown-- != 0)
                return;
            isHit = true;
            using (var file = File.OpenHandle(pod.PathOf(operation.Name), FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                RandomAccess.Write(file, operation.Data.Span[..part(operation.Data.Length)], operation.Offset);
            throw new IOException($"only a part of {operation.Name} was written", error);
        }))
        {
            try
            {
                _ = PodFolder.Append(store, 50, 2);
                acknowledged = PodFolder.Commit(store, new byte[3000]).Head.Seq;
                needed = [.. Kept, 50, 51];
                _ = store.Free(FreeTests.Request(needed), default);
                acknowledged = store.Head.Seq;
                _ = PodFolder.Append(store, 60, 1);
                acknowledged = PodFolder.Commit(store, 7).Head.Seq;
                needed = [.. needed, 60];
            }
            catch (VmPodException e)
            {
                // It lacked space, and goes on; or it is closed for good, and says so.
                if (e is not StorePoisonedException)
                {
                    Assert.Equal(ExitCode.NoSpace, e.ExitCode);
                    store.DiscardUncommitted();
                    _ = PodFolder.Append(store, 70, 1);
                    acknowledged = PodFolder.Commit(store, 8).Head.Seq;
                    needed = [.. needed, 70];
                }
                else
                    Assert.Throws<StorePoisonedException>(() => PodFolder.Commit(store, 1));
            }
        }
        using (var reader = pod.Open(StoreAccess.Read))
            AssertSound(reader);
        using (var writer = pod.Open())
        {
            AssertSound(writer);
            _ = writer.Free(FreeTests.Request(needed), default);
            _ = PodFolder.Append(writer, 80, 1);
            _ = PodFolder.Commit(writer, 9);
        }
        using var again = pod.Open(StoreAccess.Read);
        AssertSound(again);
        PodFolder.AssertReads(again, 80, 1);
        return isHit;

        void AssertSound(CellStore store)
        {
            Assert.True(store.Head.Seq >= acknowledged, $"write {fault}: head {store.Head.Seq} after {acknowledged} was acknowledged");
            VerifyReport report = store.Verify(needed.Select(PodFolder.Id), null, default);
            Assert.True(report.IsSound, $"write {fault}: {report.MissingCount} missing, {report.DamagedCount} damaged, {report.LogDamage}");
        }
    }
}
