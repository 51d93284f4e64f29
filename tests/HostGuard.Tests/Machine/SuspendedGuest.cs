using VmPod.HostGuard.Machine;
using VmPod.Testing;
using Xunit;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
[assembly: AssemblyFixture(typeof(VmPod.HostGuard.Tests.Machine.SuspendedGuest))]

namespace VmPod.HostGuard.Tests.Machine;

/// <summary>
/// A guest that was booted once in the jail and suspended; each test resumes a copy of it. Emulated: these tests judge the driver, not the
/// speed.
/// </summary>
public sealed class SuspendedGuest : IAsyncLifetime
{
    private readonly SemaphoreSlim _once = new(1, 1);
    private GuestCopy? _original;

    /// <summary>What the guest was booted with.</summary>
    public static MachineShape Shape { get; } = new()
    {
        MachineType = "pc-i440fx-7.2",
        CpuModel = "qemu64",
        Cpus = 2,
        MemoryBytes = 512L << 20,
        TestAgent = true,
    };

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>A copy of disk, RAM and device state of the suspended guest; the first call boots it.</summary>
    internal async Task<GuestCopy> CopyAsync()
    {
        await _once.WaitAsync();
        try
        {
            _original ??= await BootAsync();
        }
        finally
        {
            _ = _once.Release();
        }
        return await _original.CloneAsync();
    }

    public ValueTask DisposeAsync()
    {
        _original?.Dispose();
        _once.Dispose();
        return ValueTask.CompletedTask;
    }

    private static async Task<GuestCopy> BootAsync()
    {
        GuestImage image = await GuestImage.GetAsync();
        var guest = await GuestCopy.CreateAsync(image);
        await using QemuMachine machine = await QemuMachine.StartAsync(guest.Spec(Shape), incoming: false);
        await machine.ContinueAsync();
        await using (GuestAgent agent = await GuestAgent.ConnectAsync(machine.AgentPath!))
        {
            _ = await agent.WaitUntilAnsweringAsync();
            await agent.WaitUntilBootedAsync();
            _ = await guest.SuspendAsync(machine, agent);
        }
        return guest;
    }
}
