using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>A session ends on this host: asked, by the pod's loss, by force.</summary>
public sealed class LeaveTests(BasePod pod)
{
    // D8: silent for 1 s, then the CPUs stop; keys gone at most 2 s after the grace. hostguard/README.md has what is measured. A loaded machine may take
    // several times that; without the rule it would be the half minute after which a link is given up, or for ever.
    private const double StopSecondsMax = 8, KeysGoneSecondsMax = 16;

    [Fact]
    [Trait("Spec", "H-15")]
    [Trait("Spec", "H-16")]
    [Trait("Threat", "T-21")]
    public async Task When_the_pod_is_taken_away_the_CPUs_stop_the_keys_go_and_the_machine_dies()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using PodDisk disk = await PodDisk.CreateAsync(copy.Folder.FullPath, 4L << 30);
        (await new CliRunner("/bin/cp").RunAsync(["-r", "--preserve=mode", "--sparse=always", copy.Pod + "/.", disk.Folder])).MustSucceed();
        var host = new TestHost(copy.InRam["away"], disk.Folder);
        await using TestSession session = await host.StartAsync("resume", BasePod.Session, ["--grace", "0"]);
        IReadOnlyList<int> processes = session.Processes;
        long gone = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await disk.TakeAwayAsync();
        await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
        JsonElement receipt = JsonSerializer.Deserialize<JsonElement>(await File.ReadAllBytesAsync(session.ReceiptPath, TestContext.Current.CancellationToken));
        Assert.Equal("pod-gone", receipt.GetProperty("reason").GetString());
        Assert.InRange((receipt.GetProperty("cpus_stopped_ms").GetInt64() - gone) / 1000.0, 0, StopSecondsMax);
        Assert.InRange((receipt.GetProperty("keys_gone_ms").GetInt64() - gone) / 1000.0, 0, KeysGoneSecondsMax);
        // In the order of H-16.
        Assert.InRange(receipt.GetProperty("keys_gone_ms").GetInt64(), receipt.GetProperty("cpus_stopped_ms").GetInt64(),
            receipt.GetProperty("done_ms").GetInt64());
        Assert.True(receipt.GetProperty("pages_zeroed").GetInt64() > 0);
        Assert.False(Directory.Exists(session.Mount));
    }

    [Fact]
    [Trait("Spec", "H-15")]
    [Trait("Threat", "T-21")]
    public async Task A_pod_that_comes_back_within_the_grace_lets_the_guest_go_on()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using PodDisk disk = await PodDisk.CreateAsync(copy.Folder.FullPath, 4L << 30);
        (await new CliRunner("/bin/cp").RunAsync(["-r", "--preserve=mode", "--sparse=always", copy.Pod + "/.", disk.Folder])).MustSucceed();
        var host = new TestHost(copy.InRam["away"], disk.Folder);
        await using TestSession session = await host.StartAsync("resume", BasePod.Session, ["--grace", "600"]);
        await disk.TakeAwayAsync();
        await session.WaitForPhaseAsync("Frozen", TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<TimeoutException>(() => session.Agent.PingAsync(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken));
        await disk.PlugInAsync();
        await session.WaitForPhaseAsync("Running", TestContext.Current.CancellationToken);
        Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
        await PodCopy.EndAsync(session);
    }

    [Fact]
    public async Task Leave_simulated_says_what_it_would_do_and_changes_nothing()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using TestSession session = await copy.ResumeAsync();
        ulong generation = (await session.StatusAsync()).GetProperty("generation").GetUInt64();
        JsonElement plan = (await copy.Host.RunAsync(["leave", BasePod.Session, "--simulate"])).GetProperty("plan");
        Assert.NotEmpty(plan.EnumerateArray());
        JsonElement after = await session.StatusAsync();
        Assert.Equal("Running", after.GetProperty("phase").GetString());
        Assert.Equal(generation, after.GetProperty("generation").GetUInt64());
        _ = await session.Agent.PingAsync(cancellation: TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(9)]
    [InlineData(11)]
    [InlineData(15)]
    [Trait("Spec", "H-17")]
    [Trait("Threat", "T-22")]
    public async Task Whatever_signal_hostguard_dies_of_QEMU_dies_with_it(int signal)
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using TestSession session = await copy.ResumeAsync();
        IReadOnlyList<int> processes = session.Processes;
        Assert.NotEmpty(session.QemuProcesses);
        // .NET takes the first SIGSEGV or SIGABRT that somebody else sends for a fault that comes again by itself: the second is deadly.
        const string KillUntilDead = "for i in $(seq 20); do kill -\"$0\" \"$1\" 2> /dev/null || exit 0; sleep 0.1; done";
        (await new CliRunner("/bin/sh").RunAsync(["-c", KillUntilDead, $"{signal}", $"{session.HostGuardPid}"])).MustSucceed();
        await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
    }

    [Fact]
    [Trait("Threat", "T-22")]
    public async Task A_hostguard_that_is_stopped_takes_the_machine_with_it()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using TestSession session = await copy.ResumeAsync();
        IReadOnlyList<int> qemu = session.QemuProcesses;
        Assert.NotEmpty(qemu);
        session.StopHostGuard();
        await TestSession.WaitUntilGoneAsync(qemu, TestSession.GoneLimit);
    }

    [Fact]
    [Trait("Spec", "H-16")]
    [Trait("Threat", "T-05")]
    public async Task After_a_leave_no_canary_is_in_the_run_folder_or_in_the_pod()
    {
        await using PodCopy copy = await pod.CopyAsync();
        var search = new CanarySearch(pod.Canaries.Patterns);
        await using (TestSession session = await copy.ResumeAsync())
        {
            await session.Agent.ShAsync("cat /root/canaries > /dev/null");
            // The search finds them where they must be, while the machine runs.
            Assert.True(session.QemuProcesses.Sum(search.Process) > 0);
            await PodCopy.EndAsync(session, "leave");
        }
        var after = new CanarySearch(pod.Canaries.Patterns);
        after.PlantControl(copy.InRam["control"]);
        Assert.Equal(1, after.Folder(copy.InRam.FullPath));
        Assert.Equal(0, after.Folder(copy.Pod));
    }
}
