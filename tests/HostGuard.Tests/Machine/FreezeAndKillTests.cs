using System.Diagnostics;
using VmPod.HostGuard.Machine;
using VmPod.Testing;
using Xunit;

namespace VmPod.HostGuard.Tests.Machine;

/// <summary>What works without QEMU's help (rule 9).</summary>
[Collection("machine")]
public sealed class FreezeAndKillTests(SuspendedGuest suspended)
{
    [Fact]
    public async Task Freeze_stops_every_thread_and_thaw_lets_the_guest_go_on()
    {
        using GuestCopy guest = await suspended.CopyAsync();
        await using QemuMachine machine = await guest.ResumeAsync();
        await using GuestAgent agent = await GuestAgent.ConnectAsync(machine.AgentPath!);
        Witness before = await Witness.TakeAsync(agent);
        long started = Stopwatch.GetTimestamp();
        // Without the freeze the guest uses CPU time: its chain steps each 20 ms. On a busy machine not in every half second.
        long used = 0;
        for (int i = 0; i < 120 && used == 0; i++)
            used = await TicksInHalfASecondAsync(machine.ProcessId);
        Assert.True(used > 0);

        machine.Freeze();

        // A thread stops when it is next given a core, and no thread runs again: half a second after half a second without a tick.
        int still = 0;
        for (int i = 0; i < 120 && still < 3; i++)
            still = await TicksInHalfASecondAsync(machine.ProcessId) == 0 ? still + 1 : 0;
        Assert.Equal(3, still);
        machine.Thaw();
        Witness after = await Witness.TakeAsync(agent);
        WitnessVerdict verdict = Witness.Judge(before, after, Stopwatch.GetElapsedTime(started));
        Assert.True(verdict.Unbroken, verdict.ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Kill_leaves_no_process_even_of_a_frozen_machine(bool frozen)
    {
        using GuestCopy guest = await suspended.CopyAsync();
        await using QemuMachine machine = await guest.ResumeAsync();
        (int qemu, int jail) = (machine.ProcessId, ProcFiles.Parent(machine.ProcessId));
        Assert.Equal(Environment.ProcessId, ProcFiles.Parent(jail));
        if (frozen)
            machine.Freeze();

        Assert.True(machine.Kill());

        Assert.False(ProcFiles.Exists(qemu));
        Assert.False(ProcFiles.Exists(jail));
        Assert.Equal(137, await machine.Exited);
    }

    [Fact]
    [Trait("Threat", "T-22")]
    public async Task QEMU_dies_when_the_jail_around_it_is_killed()
    {
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(SuspendedGuest.Shape);
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(SuspendedGuest.Shape), incoming: false);
        using Process jail = Process.GetProcessById(ProcFiles.Parent(machine.ProcessId));

        jail.Kill();

        _ = await machine.Exited.WaitAsync(TimeSpan.FromSeconds(60));
        for (int i = 0; i < 3000 && Alive(machine.ProcessId); i++)
            await Task.Delay(20);
        Assert.False(Alive(machine.ProcessId));
    }

    [Fact]
    public async Task QEMU_outlives_the_thread_that_asked_for_it()
    {
        // A child that dies with its parent dies with the parent's *thread*.
        using GuestCopy guest = await GuestCopy.CreateEmptyAsync(SuspendedGuest.Shape);
        QemuMachine? machine = null;
        MachineSpec spec = guest.Spec(SuspendedGuest.Shape);
        var thread = new Thread(() => machine = QemuMachine.StartAsync(spec, incoming: false).GetAwaiter().GetResult());
        thread.Start();
        thread.Join();
        await using QemuMachine started = machine!;

        await Task.Delay(500);

        Assert.Equal(RunState.Paused, await started.GetRunStateAsync());
    }

    /// <summary>There, and not only waiting to be reaped by whoever inherited it.</summary>
    private static bool Alive(int pid)
    {
        try
        {
            return !ProcFiles.Status(pid, "State").StartsWith('Z');
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task<long> TicksInHalfASecondAsync(int pid)
    {
        long before = ProcFiles.CpuTicks(pid);
        await Task.Delay(500);
        return ProcFiles.CpuTicks(pid) - before;
    }
}
