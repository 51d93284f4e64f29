using System.Diagnostics;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>A session whose rest trickles in until the host has all of it.</summary>
public sealed class CompleteTests(BasePod pod)
{
    private static readonly TimeSpan CompleteMax = TimeSpan.FromMinutes(3);

    [Fact]
    [Trait("Spec", "H-153")]
    public async Task A_session_that_was_fetched_as_a_whole_asks_the_pod_for_no_cell_any_more()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        // As a control: what the judgement reads of the guest's memory is on the pod alone.
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, []))
        {
            long before = await CellsAsync(session);
            Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
            Assert.True(await CellsAsync(session) > before, "The guest's memory was here already: nothing can be shown.");
            Assert.False((await session.StatusAsync()).GetProperty("is_complete").GetBoolean());
            await PodCopy.EndAsync(session, "leave");
        }
        await using TestSession whole = await served.Host.StartAsync("resume", BasePod.Session, ["--complete"]);
        for (long started = Stopwatch.GetTimestamp(); !(await whole.StatusAsync()).GetProperty("is_complete").GetBoolean();)
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < CompleteMax, "It does not become complete.");
            await Task.Delay(200, TestContext.Current.CancellationToken);
        }
        long all = await CellsAsync(whole);
        Assert.True((await pod.JudgeAsync(whole.Agent)).Unbroken);
        Assert.Equal(pod.Work, await GuestWork.LookAsync(whole.Agent));
        Assert.Equal(all, await CellsAsync(whole));
        await PodCopy.EndAsync(whole);
    }

    private static async Task<long> CellsAsync(TestSession session)
    {
        JsonElement status = await session.StatusAsync();
        return status.GetProperty("cells_fetched").GetInt64();
    }
}
