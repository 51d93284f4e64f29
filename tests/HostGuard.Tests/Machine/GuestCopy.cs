using System.Diagnostics;
using VmPod.HostGuard.Machine;
using VmPod.Testing;

namespace VmPod.HostGuard.Tests.Machine;

/// <summary>Disk, RAM and device state of one guest, in a folder of its own in RAM.</summary>
internal sealed class GuestCopy : IDisposable
{
    private readonly SharedFolder _folder = new();

    /// <summary>The device state of the last save, or empty.</summary>
    public byte[] State { get; private set; } = [];

    /// <summary>The witness before the last save.</summary>
    public Witness? Witness { get; private set; }

    /// <summary>How long the guest ran on between that witness and the save, at most.</summary>
    public TimeSpan RanAfterWitness { get; private set; }

    public string MemoryPath => _folder["ram"];

    public string DiskPath => _folder["disk"];

    public string Folder => _folder.FullPath;

    public static async Task<GuestCopy> CreateAsync(GuestImage image)
    {
        var guest = new GuestCopy();
        await image.CopyDiskAsync(guest.DiskPath);
        await using (FileStream ram = File.Create(guest.MemoryPath))
            ram.SetLength(SuspendedGuest.Shape.MemoryBytes);
        await guest.GiveToQemuAsync();
        return guest;
    }

    /// <summary>A copy with nothing on its disk, for what needs no guest.</summary>
    public static async Task<GuestCopy> CreateEmptyAsync(MachineShape shape)
    {
        var guest = new GuestCopy();
        await using (FileStream disk = File.Create(guest.DiskPath))
            disk.SetLength(64 << 20);
        await using (FileStream ram = File.Create(guest.MemoryPath))
            ram.SetLength(shape.MemoryBytes);
        await guest.GiveToQemuAsync();
        return guest;
    }

    public async Task<GuestCopy> CloneAsync()
    {
        var clone = new GuestCopy { State = [.. State], Witness = Witness, RanAfterWitness = RanAfterWitness };
        await RunAsync("cp", "--sparse=always", DiskPath, MemoryPath, clone.Folder);
        await clone.GiveToQemuAsync();
        return clone;
    }

    public MachineSpec Spec(MachineShape shape) => new()
    {
        Shape = shape,
        DiskPath = DiskPath,
        MemoryPath = MemoryPath,
        RunFolder = _folder["run"],
        Accelerator = Accelerator.Tcg,
        AllowEmulation = true,
    };

    /// <summary>Resumes the guest: started, state loaded, running.</summary>
    public async Task<QemuMachine> ResumeAsync(MachineShape? shape = null)
    {
        QemuMachine machine = await QemuMachine.StartAsync(Spec(shape ?? SuspendedGuest.Shape), incoming: true);
        await LoadAsync(machine);
        await machine.ContinueAsync();
        return machine;
    }

    public async Task LoadAsync(QemuMachine machine)
    {
        using var state = new StateFile();
        state.Append(State);
        state.Rewind();
        await machine.LoadStateAsync(state.Handle);
    }

    /// <summary>Takes the witness, stops the guest and saves it; how long the stop and the save took.</summary>
    public async Task<TimeSpan> SuspendAsync(QemuMachine machine, GuestAgent agent)
    {
        long asking = Stopwatch.GetTimestamp();
        Witness = await Witness.TakeAsync(agent);
        long stopping = Stopwatch.GetTimestamp();
        await machine.StopAsync();
        RanAfterWitness = Stopwatch.GetElapsedTime(asking);
        await SaveAsync(machine);
        return Stopwatch.GetElapsedTime(stopping);
    }

    public async Task SaveAsync(QemuMachine machine)
    {
        using var state = new StateFile();
        await machine.SaveStateAsync(state.Handle);
        State = new byte[state.Length];
        if (state.Read(0, State) != State.Length)
            throw new IOException("The state is shorter than its length.");
    }

    public void Dispose() => _folder.Dispose();

    private async Task GiveToQemuAsync() =>
        await RunAsync("chown", $"{MachineSpec.DefaultRunUid}:{MachineSpec.DefaultRunUid}", DiskPath, MemoryPath);

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments))!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} failed.");
    }
}
