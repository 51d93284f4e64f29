using System.Diagnostics;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>A home host whose pod is started again and stays locked (rule 24).</summary>
public sealed class HomePodTests(BasePod pod)
{
    // So slow that the session is not complete by itself before the pod is restarted: some hundred MiB at 6 MiB a second.
    private static readonly LinkShape Slow = new(Mbit: 50, DelayMs: 0);

    private static readonly TimeSpan CompleteMax = TimeSpan.FromMinutes(5);

    [Fact]
    [Trait("Spec", "H-45")]
    [Trait("Spec", "P-82")]
    public async Task A_guest_reads_the_memory_that_it_did_not_touch_yet_from_a_pod_that_was_restarted_and_is_locked()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        await using TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "600"]);
        await served.KillServerAsync();
        await session.WaitForPhaseAsync("Frozen", TestContext.Current.CancellationToken);
        await served.ServeAsync(unlocked: false);
        await session.WaitForPhaseAsync("Running", TestContext.Current.CancellationToken);
        long before = (await session.StatusAsync()).GetProperty("bytes_read").GetInt64();
        // 48 MiB that nobody touched since the resume: most of it was on the pod alone.
        Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
        Assert.Equal(pod.Work, await GuestWork.LookAsync(session.Agent));
        Assert.True((await session.StatusAsync()).GetProperty("bytes_read").GetInt64() > before + (1 << 20));
        string work = await GuestWork.DoAsync(session.Agent, mebibytes: 1, rows: 20);
        await PodCopy.EndAsync(session);
        string log = (await served.OnPodAsync("audit", "show", served.Pod)).ToString();
        Assert.Contains("home-keys-stored", log, StringComparison.Ordinal);
        Assert.Contains("home-keys-served", log, StringComparison.Ordinal);
        Assert.False((await served.OnPodAsync("status", served.Pod)).GetProperty("unlocked").GetBoolean());
        _ = await served.UnlockAsync();
        await using TestSession again = await served.Host.StartAsync("resume", BasePod.Session, []);
        Assert.Equal(work, await GuestWork.LookAsync(again.Agent));
        await PodCopy.EndAsync(again);
    }

    [Fact]
    [Trait("Spec", "H-45")]
    [Trait("Spec", "H-153")]
    public async Task A_home_host_fetches_the_rest_of_its_session_from_a_pod_that_is_locked()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        await served.Net.ShapeAsync(Slow);
        await using TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "600", "--complete"]);
        await served.KillServerAsync();
        await session.WaitForPhaseAsync("Frozen", TestContext.Current.CancellationToken);
        (bool isComplete, long cells) = await LookAsync(session);
        Assert.False(isComplete, "It was complete already: nothing can be shown.");
        await served.Net.ShapeAsync(LinkShape.Unshaped);
        await served.ServeAsync(unlocked: false);
        await session.WaitForPhaseAsync("Running", TestContext.Current.CancellationToken);
        for (long started = Stopwatch.GetTimestamp(); !(await LookAsync(session)).IsComplete;)
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < CompleteMax, "It does not become complete.");
            await Task.Delay(200, TestContext.Current.CancellationToken);
        }
        long all = (await LookAsync(session)).Cells;
        Assert.True(all > cells + 100, $"{cells} cells before, {all} after: nothing was shown.");
        Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
        Assert.Equal(pod.Work, await GuestWork.LookAsync(session.Agent));
        Assert.Equal(all, (await LookAsync(session)).Cells);
        Assert.False((await served.OnPodAsync("status", served.Pod)).GetProperty("unlocked").GetBoolean());
        await PodCopy.EndAsync(session);
    }

    private static async Task<(bool IsComplete, long Cells)> LookAsync(TestSession session)
    {
        JsonElement status = await session.StatusAsync();
        return (status.GetProperty("is_complete").GetBoolean(), status.GetProperty("cells_fetched").GetInt64());
    }
}
