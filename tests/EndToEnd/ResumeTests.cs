using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>A session goes on where it was.</summary>
public sealed class ResumeTests(BasePod pod)
{
    // D8: 50 ms is the target on a quiet machine with KVM, which a benchmark measures. Here it must only not be a matter of seconds.
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task A_suspended_guest_goes_on_with_its_memory_and_its_disk_three_times()
    {
        await using PodCopy copy = await pod.CopyAsync();
        string work = pod.Work;
        for (int cycle = 0; cycle < 3; cycle++)
        {
            await using TestSession session = await copy.ResumeAsync();
            WitnessVerdict verdict = await pod.JudgeAsync(session.Agent);
            Assert.True(verdict.Unbroken, verdict.ToString());
            Assert.Equal(work, await GuestWork.LookAsync(session.Agent));
            work = await GuestWork.DoAsync(session.Agent, mebibytes: 1, rows: 20);
            await PodCopy.EndAsync(session);
        }
    }

    [Fact]
    public async Task A_checkpoint_under_load_pauses_the_guest_briefly_and_can_be_gone_on_from()
    {
        await using PodCopy copy = await pod.CopyAsync();
        Witness before;
        long taken = System.Diagnostics.Stopwatch.GetTimestamp();
        await using (TestSession session = await copy.ResumeAsync())
        {
            Task<string> load = GuestWork.DoAsync(session.Agent, mebibytes: 16);
            before = await Witness.TakeAsync(session.Agent);
            JsonElement done = await session.CheckpointAsync();
            Assert.InRange(done.GetProperty("pause_s").GetDouble(), 0, PauseMax.TotalSeconds);
            await load;
            await PodCopy.CrashAsync(session);
        }
        await using TestSession again = await copy.ResumeAsync("--drop-disk-changes");
        WitnessVerdict verdict = Witness.Judge(before, await Witness.TakeAsync(again.Agent), System.Diagnostics.Stopwatch.GetElapsedTime(taken));
        Assert.True(verdict.Unbroken, verdict.ToString());
        Assert.Equal(0, (await again.Agent.ShAsync("sqlite3 /root/work.db 'pragma integrity_check' | grep -qx ok")).ExitCode);
    }

    [Fact]
    public async Task A_page_of_memory_altered_in_what_was_put_is_seen_by_the_witness()
    {
        await using PodCopy copy = await pod.CopyAsync();
        string plain = copy.InRam["plain"];
        _ = await BasePod.PodKeeperAsync("get", copy.Pod, BasePod.Session, plain);
        PlainMachine.Put(copy.Pod, pod.PinFile, "sound", plain);
        PlainMachine.AlterHeapPage(Path.Join(plain, "memory"));
        PlainMachine.Put(copy.Pod, pod.PinFile, "altered", plain);
        // What is put in this way can be resumed: without the altered byte nothing speaks against it.
        await using (TestSession sound = await copy.Host.StartAsync("resume", "sound", []))
            Assert.True((await pod.JudgeAsync(sound.Agent)).Unbroken);
        await using TestSession altered = await copy.Host.StartAsync("resume", "altered", []);
        WitnessVerdict verdict = await pod.JudgeAsync(altered.Agent);
        Assert.Contains("the heap is altered", verdict.Reasons);
    }

    [Fact]
    public async Task When_the_disk_is_newer_than_the_checkpoint_resume_asks_and_both_ways_work()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using (TestSession session = await copy.ResumeAsync("--flush", "pod"))
        {
            await GuestWork.DoAsync(session.Agent, mebibytes: 1, rows: 20);
            await session.Agent.ShAsync("echo later > /root/later && sync");
            await PodCopy.CrashAsync(session);
        }
        CliResult asked = (await copy.Host.TryStartAsync("resume", BasePod.Session)).MustEndWith(6);
        string hint = asked.Json.GetProperty("error").GetProperty("hint").GetString()!;
        Assert.Contains("hostguard boot", hint, StringComparison.Ordinal);
        Assert.Contains("--drop-disk-changes", hint, StringComparison.Ordinal);
        await using (TestSession booted = await copy.BootAsync())
        {
            Assert.Equal("later", (await booted.Agent.ShAsync("cat /root/later")).Output.Trim());
            await PodCopy.CrashAsync(booted);
        }
        await using TestSession resumed = await copy.ResumeAsync("--drop-disk-changes");
        Assert.True((await pod.JudgeAsync(resumed.Agent)).Unbroken);
        Assert.Equal(pod.Work, await GuestWork.LookAsync(resumed.Agent));
        Assert.NotEqual(0, (await resumed.Agent.ShAsync("test -e /root/later")).ExitCode);
    }
}
