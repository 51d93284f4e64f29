using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>A session goes on where it was.</summary>
public sealed class ResumeTests(BasePod pod)
{
    // D8: 50 ms is the target on a quiet machine with KVM, which a benchmark measures. Here it must only not be a matter of seconds, or, on a machine on which
    // everything is, of most of the checkpoint, which seals the memory: that is done while the guest goes on.
    private const double PauseSecondsMax = 2;

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
    [Trait("Spec", "H-13")]
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
            double pause = done.GetProperty("pause_s").GetDouble(), whole = done.GetProperty("wall_s").GetDouble();
            TestContext.Current.TestOutputHelper?.WriteLine($"paused for {pause} s of {whole} s");
            Assert.True(pause <= PauseSecondsMax || pause < whole / 2, $"paused for {pause} s of {whole} s");
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
    [Trait("Spec", "H-11")]
    [Trait("Threat", "T-08")]
    public async Task A_checkpoint_that_is_resumed_twice_gives_the_machine_two_generation_ids()
    {
        await using PodCopy copy = await pod.CopyAsync();
        var ids = new List<string>();
        for (int i = 0; i < 2; i++)
        {
            await using TestSession session = await copy.ResumeAsync("--drop-disk-changes");
            ids.Add(await GenerationIdAsync(session));
            await PodCopy.CrashAsync(session);
        }
        Assert.All(ids, id => Assert.Matches("^[0-9a-f]{32}$", id));
        Assert.DoesNotContain(new string('0', 32), ids);
        Assert.NotEqual(ids[0], ids[1]);
    }

    // Where the guest's firmware put it, in the guest's own memory: a driver reads it there.
    private static async Task<string> GenerationIdAsync(TestSession session)
    {
        GuestCommand place = await session.Agent.ShAsync(
            "modprobe qemu_fw_cfg && od -An -t u8 /sys/firmware/qemu_fw_cfg/by_name/etc/vmgenid_addr/raw");
        Assert.True(place.ExitCode == 0, place.Output);
        long address = long.Parse(place.Output, System.Globalization.CultureInfo.InvariantCulture);
        var inside = new CliRunner(SystemTools.Find("nsenter"), "--target", $"{session.HostGuardPid}", "--mount", "--",
            SystemTools.Find("setpriv"), "--reuid", "61744", "--regid", "61744", "--clear-groups");
        CliResult id = await inside.RunAsync([SystemTools.Find("od"), "-An", "-t", "x1", "-j", $"{address}", "-N", "16",
            Path.Join(session.Mount, "memory")]);
        return id.MustSucceed().Output.Replace(" ", "", StringComparison.Ordinal).Trim();
    }

    [Fact]
    [Trait("Spec", "H-05")]
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
