using System.Diagnostics;
using System.Globalization;
using VmPod.Foundation;
using VmPod.HostGuard.Machine;
using VmPod.Testing;
using Xunit;

namespace VmPod.HostGuard.Tests.Machine;

/// <summary>A real Debian guest in a real QEMU in the real jail.</summary>
[Collection("machine")]
public sealed class SuspendAndResumeTests(SuspendedGuest suspended, ITestOutputHelper output)
{
    [Fact]
    public async Task A_guest_goes_on_unbroken_through_five_suspends_and_resumes()
    {
        using GuestCopy guest = await suspended.CopyAsync();
        List<double> answers = [], saves = [];
        for (int cycle = 0; cycle < 5; cycle++)
        {
            Witness before = guest.Witness!;
            long started = Stopwatch.GetTimestamp();
            await using QemuMachine machine = await guest.ResumeAsync();
            await using GuestAgent agent = await GuestAgent.ConnectAsync(machine.AgentPath!);
            _ = await agent.PingAsync();
            answers.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            Witness after = await Witness.TakeAsync(agent);
            WitnessVerdict verdict = Witness.Judge(before, after, guest.RanAfterWitness + Stopwatch.GetElapsedTime(started));
            Assert.True(verdict.Unbroken, verdict.ToString());

            saves.Add((await guest.SuspendAsync(machine, agent)).TotalMilliseconds);
            Assert.True(machine.Kill());
        }
        output.WriteLine($"exec to answer {Text(answers)} ms; stop and save {Text(saves)} ms; state {guest.State.Length} B");
    }

    [Fact]
    public async Task One_altered_byte_of_memory_is_noticed_by_the_witness()
    {
        using GuestCopy guest = await suspended.CopyAsync();
        await AlterHeapAsync(guest.MemoryPath);
        await using QemuMachine machine = await guest.ResumeAsync();
        await using GuestAgent agent = await GuestAgent.ConnectAsync(machine.AgentPath!);

        Witness after = await Witness.TakeAsync(agent);

        Assert.False(after.Heap.Ok);
    }

    [Fact]
    public async Task Ten_checkpoints_of_a_running_guest_leave_it_unbroken()
    {
        using GuestCopy guest = await suspended.CopyAsync();
        await using QemuMachine machine = await guest.ResumeAsync();
        await using GuestAgent agent = await GuestAgent.ConnectAsync(machine.AgentPath!);
        Witness before = await Witness.TakeAsync(agent);
        long started = Stopwatch.GetTimestamp();
        List<double> pauses = [];
        for (int i = 0; i < 10; i++)
        {
            long stopping = Stopwatch.GetTimestamp();
            await machine.StopAsync();
            await guest.SaveAsync(machine);
            await machine.ContinueAsync();
            pauses.Add(Stopwatch.GetElapsedTime(stopping).TotalMilliseconds);
            _ = await agent.PingAsync();
        }
        Witness after = await Witness.TakeAsync(agent);

        WitnessVerdict verdict = Witness.Judge(before, after, Stopwatch.GetElapsedTime(started));
        Assert.True(verdict.Unbroken, verdict.ToString());
        output.WriteLine($"pause {Text(pauses)} ms");
    }

    [Fact]
    public async Task A_guest_that_runs_is_not_saved()
    {
        using GuestCopy guest = await suspended.CopyAsync();
        await using QemuMachine machine = await guest.ResumeAsync();

        VmPodException refused = await Assert.ThrowsAsync<VmPodException>(() => guest.SaveAsync(machine));

        Assert.Contains("stopped", refused.Message, StringComparison.Ordinal);
        Assert.Equal(RunState.Running, await machine.GetRunStateAsync());
    }

    [Fact]
    [Trait("Spec", "H-03")]
    public async Task A_damaged_state_is_refused_in_QEMUs_own_words()
    {
        using GuestCopy guest = await suspended.CopyAsync();
        guest.State.AsSpan(0, 64).Fill(0xff);
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(SuspendedGuest.Shape), incoming: true);

        VmPodException error = await Assert.ThrowsAsync<VmPodException>(() => guest.LoadAsync(machine));

        Assert.Equal(ExitCode.Damaged, error.ExitCode);
        Assert.Contains("qemu", error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    [Trait("Spec", "H-03")]
    public async Task A_state_of_another_device_set_is_refused()
    {
        using GuestCopy guest = await suspended.CopyAsync();
        MachineShape other = SuspendedGuest.Shape with { TestAgent = false, Display = true, Cpus = 1 };
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(other), incoming: true);

        VmPodException error = await Assert.ThrowsAsync<VmPodException>(() => guest.LoadAsync(machine));

        Assert.Equal(ExitCode.Damaged, error.ExitCode);
    }

    [Fact]
    [Trait("Threat", "T-12")]
    [Trait("Spec", "H-12")]
    public async Task The_clock_port_sets_a_clock_that_stood_still_while_suspended()
    {
        using GuestCopy guest = await suspended.CopyAsync();
        await using QemuMachine machine = await guest.ResumeAsync();
        await using GuestAgent agent = await GuestAgent.ConnectAsync(machine.AgentPath!);
        double wrong = (await agent.PingAsync()).WallSeconds;
        DateTimeOffset tomorrow = TimeProvider.System.GetUtcNow().AddDays(1);
        Assert.True(tomorrow.ToUnixTimeSeconds() - wrong > 3600);

        await machine.SendClockAsync(tomorrow);

        double right = wrong;
        for (int i = 0; i < 1200 && Math.Abs(right - tomorrow.ToUnixTimeSeconds()) > 60; i++)
        {
            await Task.Delay(50);
            right = (await agent.PingAsync()).WallSeconds;
        }
        Assert.InRange(right, tomorrow.ToUnixTimeSeconds() - 60, tomorrow.ToUnixTimeSeconds() + 60);
    }

    [Fact]
    public async Task Events_tell_of_stop_resume_reset_shutdown_and_exit()
    {
        using GuestCopy guest = await suspended.CopyAsync();
        await using QemuMachine machine = await guest.ResumeAsync();
        await using GuestAgent agent = await GuestAgent.ConnectAsync(machine.AgentPath!);
        _ = await agent.PingAsync();
        await machine.StopAsync();
        await machine.ContinueAsync();
        Assert.Equal([MachineEvent.Resumed, MachineEvent.Stopped, MachineEvent.Resumed], await TakeAsync(machine, 3));

        _ = agent.ShAsync("echo o > /proc/sysrq-trigger", TimeSpan.FromSeconds(2)).ContinueWith(t => t.Exception, TaskScheduler.Default);
        Assert.Contains(MachineEvent.Shutdown, await TakeAsync(machine, 2));        // Stopped comes with it
        Assert.Equal(RunState.Shutdown, await machine.GetRunStateAsync());

        Assert.True(machine.Kill());
        Assert.Equal([MachineEvent.Exited], await TakeAsync(machine, 1));
    }

    [Fact]
    public async Task The_serial_console_talks_to_the_guest()
    {
        using GuestCopy guest = await suspended.CopyAsync();
        await using QemuMachine machine = await guest.ResumeAsync();
        using var console = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0);
        await console.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(machine.ConsolePath));
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));

        // The shell's answer, not the echo of what was typed.
        _ = await console.SendAsync("echo con$((600+66))sole\r"u8.ToArray(), limit.Token);
        string heard = "";
        var buffer = new byte[4096];
        while (!heard.Contains("con666sole", StringComparison.Ordinal))
            heard += System.Text.Encoding.Latin1.GetString(buffer, 0, await console.ReceiveAsync(buffer, limit.Token));
    }

    private static async Task<List<MachineEvent>> TakeAsync(QemuMachine machine, int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        List<MachineEvent> events = [];
        while (events.Count < count)
            events.Add(await machine.Events.ReadAsync(limit.Token));
        return events;
    }

    private static async Task AlterHeapAsync(string memoryPath)
    {
        // The pages of the witness's heap name themselves.
        await using var ram = new FileStream(memoryPath, FileMode.Open, FileAccess.ReadWrite);
        var page = new byte[4096];
        for (long at = 0; at < ram.Length; at += page.Length)
        {
            ram.Position = at;
            await ram.ReadExactlyAsync(page);
            if (page.AsSpan().StartsWith("vmpod-heap000"u8))
            {
                ram.Position = at + 2000;
                ram.WriteByte((byte)(page[2000] ^ 1));
                return;
            }
        }
        Assert.Fail("No page of the heap is in the RAM file.");
    }

    private static string Text(List<double> values)
    {
        values.Sort();
        return string.Create(CultureInfo.InvariantCulture, $"min {values[0]:0} median {values[values.Count / 2]:0} max {values[^1]:0}");
    }
}
