using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>The pod is another machine: the session walks over the air, and its loss ends as a folder's does, with the rest kept for it.</summary>
public sealed class FarPodTests(BasePod pod)
{
    private const double StopSecondsMax = 3, KeysGoneSecondsMax = 6;

    [Fact]
    [Trait("Spec", "H-40")]
    public async Task A_session_goes_on_from_a_pod_that_is_another_machine_and_is_suspended_to_it()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        string work;
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, []))
        {
            WitnessVerdict verdict = await pod.JudgeAsync(session.Agent);
            Assert.True(verdict.Unbroken, verdict.ToString());
            Assert.Equal(pod.Work, await GuestWork.LookAsync(session.Agent));
            work = await GuestWork.DoAsync(session.Agent, mebibytes: 1, rows: 20);
            JsonElement checkpoint = await session.CheckpointAsync();
            Assert.True(checkpoint.GetProperty("cells_added").GetInt64() > 0);
            await PodCopy.EndAsync(session);
        }
        await using TestSession again = await served.Host.StartAsync("resume", BasePod.Session, []);
        Assert.True((await pod.JudgeAsync(again.Agent)).Unbroken);
        Assert.Equal(work, await GuestWork.LookAsync(again.Agent));
        await PodCopy.EndAsync(again);
        // Each key use stands in the pod's log before it: a grant for each resume, and the receipts.
        JsonElement log = await served.OnPodAsync("audit", "show", served.Pod);
        string text = log.ToString();
        Assert.Contains("keys-granted", text, StringComparison.Ordinal);
        Assert.Contains("wipe-receipt", text, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "H-41")]
    public async Task When_the_link_goes_down_the_CPUs_stop_the_keys_go_and_the_receipt_says_what_became_of_the_rest()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        string work;
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "0"]))
        {
            IReadOnlyList<int> processes = session.Processes;
            work = await GuestWork.DoAsync(session.Agent, mebibytes: 2, rows: 40);
            JsonElement checkpoint = await session.CheckpointAsync();
            long gone = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            await served.Net.UnplugAsync();
            await TestSession.WaitUntilGoneAsync(processes, TimeSpan.FromSeconds(20));
            JsonElement receipt = JsonSerializer.Deserialize<JsonElement>(await File.ReadAllBytesAsync(session.ReceiptPath,
                TestContext.Current.CancellationToken));
            Assert.Equal("pod-gone", receipt.GetProperty("reason").GetString());
            Assert.Equal(checkpoint.GetProperty("generation").GetUInt64(), receipt.GetProperty("generation").GetUInt64());
            Assert.InRange((receipt.GetProperty("cpus_stopped_ms").GetInt64() - gone) / 1000.0, 0, StopSecondsMax);
            Assert.InRange((receipt.GetProperty("keys_gone_ms").GetInt64() - gone) / 1000.0, 0, KeysGoneSecondsMax);
        }
        // Pod and host meet again: if something was kept, it is taken; the checkpoint is there in any case.
        await served.Net.PlugAsync();
        JsonElement waiting = await served.Host.RunAsync(["residues"]);
        JsonElement taken = await served.Host.RunAsync(["residues", "--hand-in", served.Host.Pod]);
        Assert.Equal(waiting.GetArrayLength(), taken.EnumerateArray().Count(r => r.GetProperty("state").GetString() == "taken"));
        Assert.Empty((await served.Host.RunAsync(["residues"])).EnumerateArray());
        await using TestSession again = await served.Host.StartAsync("resume", BasePod.Session, ["--drop-disk-changes"]);
        Assert.True((await pod.JudgeAsync(again.Agent)).Unbroken);
        Assert.Equal(work, await GuestWork.LookAsync(again.Agent));
        await PodCopy.EndAsync(again);
    }

    [Fact]
    [Trait("Spec", "H-42")]
    public async Task A_pod_whose_process_is_killed_and_comes_back_within_the_grace_lets_the_guest_go_on()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        await using TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "60"]);
        string work = await GuestWork.DoAsync(session.Agent, mebibytes: 1, rows: 20);
        await served.KillServerAsync();
        await PhaseAsync(session, "Frozen");
        await served.ServeAsync();
        await PhaseAsync(session, "Running");
        Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
        Assert.Equal(work, await GuestWork.LookAsync(session.Agent));
        await PodCopy.EndAsync(session);
        await using TestSession again = await served.Host.StartAsync("resume", BasePod.Session, []);
        Assert.Equal(work, await GuestWork.LookAsync(again.Agent));
        await PodCopy.EndAsync(again);
    }

    private static async Task PhaseAsync(TestSession session, string phase)
    {
        string now = "";
        for (int i = 0; i < 300 && now != phase; i++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            now = (await session.StatusAsync()).GetProperty("phase").GetString()!;
        }
        Assert.Equal(phase, now);
    }
}
