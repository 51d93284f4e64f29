using VmPod.Foundation;
using VmPod.PodKeeper.Serving;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>The log says at most how many keys left, before they leave (rule 19).</summary>
public sealed class ReleaseLedgerTests
{
    [Fact]
    [Trait("Spec", "P-42")]
    public void No_key_leaves_beyond_what_is_granted_and_the_grant_grows_ahead_of_need()
    {
        List<long> grants = [];
        ReleaseLedger? ledger = null;
        long spentAtGrant = 0;
        ledger = new ReleaseLedger(total =>
        {
            spentAtGrant = ledger!.Spent;
            lock (grants)
                grants.Add(total);
        }, 8, 8);
        Parallel.For(0, 100, _ =>
        {
            ledger.Spend(1);
            Assert.True(ledger.Spent <= ledger.Granted);
        });
        Assert.Equal(100, ledger.Spent);
        // One that was asked for ahead of need may be on its way: the grants are those that have come, and end with it.
        ServeTests.Until(() => ledger.Granted - ledger.Spent >= 4);
        lock (grants)
        {
            Assert.True(grants.Count is >= 12 and <= 14, $"{grants.Count} grants");
            Assert.Equal(grants.Order(), grants);
        }
        Assert.True(spentAtGrant > 0);
    }

    [Fact]
    [Trait("Spec", "P-42")]
    public async Task Half_of_a_grant_is_left_when_the_next_one_is_written_and_nobody_waits_for_it()
    {
        using var asked = new ManualResetEventSlim();
        using var allowed = new ManualResetEventSlim();
        var ledger = new ReleaseLedger(_ =>
        {
            asked.Set();
            allowed.Wait(TestContext.Current.CancellationToken);
        }, 8, 8);
        for (int i = 0; i < 5; i++)
            ledger.Spend(1);
        Assert.True(asked.Wait(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        for (int i = 0; i < 3; i++)
            ledger.Spend(1);
        Task ninth = Task.Run(() => ledger.Spend(1), TestContext.Current.CancellationToken);
        await Task.Delay(200, TestContext.Current.CancellationToken);
        Assert.False(ninth.IsCompleted);
        allowed.Set();
        await ninth;
        Assert.Equal((9, 16), (ledger.Spent, ledger.Granted));
    }

    [Fact]
    [Trait("Spec", "P-42")]
    public void If_the_log_cannot_be_written_what_was_granted_is_all_that_leaves()
    {
        var ledger = new ReleaseLedger(_ => throw new VmPodException(ExitCode.NoSpace, "Full."), 4, 4);
        for (int i = 0; i < 4; i++)
            ledger.Spend(1);
        for (int i = 0; i < 2; i++)
            Assert.Equal(ExitCode.NoSpace, Assert.Throws<VmPodException>(() => ledger.Spend(1)).ExitCode);
        Assert.Equal(4, ledger.Spent);
    }
}
