using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading.Channels;
using VmPod.Foundation;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// One running QEMU in its jail. It knows files, processes and QMP; it knows no vault and no key, and decides nothing.
/// </summary>
/// <remarks>
/// <code>
///   StartAsync(incoming: false) -> Paused --Continue--> Running --Stop--> Paused --SaveState--> Paused --Continue--> Running …
///   StartAsync(incoming: true)  -> Incoming --LoadState--> Paused
///   any state --Freeze/Thaw, without QEMU's help--> the same state      any state --Kill, Dispose--> gone
/// </code>
/// Guest RAM is the file <see cref="MachineSpec.MemoryPath"/>, shared with QEMU; SaveState and LoadState move device state only. The caller
/// brings RAM and disk to rest around them (rule 7). When this process dies, QEMU dies.
/// </remarks>
public sealed partial class QemuMachine : IAsyncDisposable
{
    private readonly JailedProcess _jail;
    private readonly QmpClient _qmp;
    private readonly Socket _clock;
    private readonly SocketFolder _sockets;
    private readonly Channel<MachineEvent> _events = Channel.CreateBounded<MachineEvent>(
        new BoundedChannelOptions(MachineLimits.EventsMax) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly Task _pump;
    private bool _disposed;

    private QemuMachine(MachineSpec spec, JailedProcess jail, QmpClient qmp, Socket clock, SocketFolder sockets, SwapProtection swap)
    {
        Spec = spec;
        _jail = jail;
        _qmp = qmp;
        _clock = clock;
        _sockets = sockets;
        SwapProtection = jail.WithoutSwap && swap == SwapProtection.EncryptedSwap ? SwapProtection.CgroupWithoutSwap : swap;
        _pump = Task.Run(PumpEventsAsync);
    }

    /// <summary>What it was started with.</summary>
    public MachineSpec Spec { get; }

    /// <summary>QEMU's process number.</summary>
    public int ProcessId => _jail.ProcessId;

    /// <summary>Why QEMU's heap cannot reach a disk in the clear.</summary>
    public SwapProtection SwapProtection { get; }

    /// <summary>The unix socket of the serial console: one viewer at a time, raw bytes.</summary>
    public string ConsolePath => _sockets.PathOf(SocketFolder.Console);

    /// <summary>The unix socket of the witness port, or null if the shape has none.</summary>
    public string? AgentPath => Spec.Shape.TestAgent ? _sockets.PathOf(SocketFolder.Agent) : null;

    /// <summary>
    /// What happens to the machine, in order; ends with <see cref="MachineEvent.Exited"/>. The oldest are dropped when nobody reads.
    /// </summary>
    public ChannelReader<MachineEvent> Events => _events.Reader;

    /// <summary>Completes when QEMU has ended: bubblewrap's exit code (QEMU's own, or 128 + signal).</summary>
    public Task<int> Exited => _jail.Exited;

    /// <summary>The end of what QEMU complained about: for error messages and logs, untrusted text.</summary>
    public string Complaint => _jail.Complaint;

    /// <summary>Starts QEMU, the guest not running: paused, or waiting for its device state.</summary>
    /// <exception cref="VmPodException">
    /// Something is missing (exit code 9): QEMU, bubblewrap, KVM without <see cref="MachineSpec.AllowEmulation"/>, safe swap; or QEMU did
    /// not start, with its own words in the message.
    /// </exception>
    public static async Task<QemuMachine> StartAsync(MachineSpec spec, bool incoming, CancellationToken cancel = default)
    {
        spec.Shape.Validate();
        RequireAccelerator(spec);
        if (spec.Network == NetworkPolicy.Outbound && !spec.Shape.NetworkCard)
            throw new VmPodException(ExitCode.Usage, "This session's machine has no network card.");
        SwapProtection swap = SwapCheck.JudgeThisHost();

        using var timed = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timed.CancelAfter(spec.StartTimeout);
        SocketFolder sockets = SocketFolder.Open(spec);
        (Socket qmp, SafeSocketHandle qmpTheirs) = DescriptorSocket.Pair();
        (Socket clock, SafeSocketHandle clockTheirs) = DescriptorSocket.Pair();
        JailedProcess? jail = null;
        QmpClient? client = null;
        try
        {
            using (qmpTheirs)
            using (clockTheirs)
            {
                List<SafeHandle> descriptors = [qmpTheirs, clockTheirs, .. sockets.Handles];
                List<string> arguments = QemuArguments.Build(spec, qmpFd: 3, clockFd: 4, consoleFd: 5, agentFd: 6, incoming);
                jail = await JailedProcess.StartAsync(spec, descriptors, arguments, timed.Token);
            }
            client = await QmpClient.ConnectAsync(qmp, spec.ReplyTimeout, timed.Token);
            var machine = new QemuMachine(spec, jail, client, clock, sockets, swap);
            await machine.PrepareMigrationAsync(timed.Token);
            return machine;
        }
        catch (Exception e)
        {
            if (client is not null)
                await client.DisposeAsync();
            // QEMU's words are complete once it is gone; it mostly ended by itself.
            _ = jail?.Exited.Wait(TimeSpan.FromMilliseconds(200), CancellationToken.None);
            string words = jail?.Complaint ?? "";
            jail?.Dispose();
            qmp.Dispose();
            clock.Dispose();
            sockets.Dispose();
            if (cancel.IsCancellationRequested || (e is VmPodException && jail is null))
                throw;
            string why = e is OperationCanceledException ? $"not ready after {spec.StartTimeout.TotalSeconds:0} s" : e.Message;
            throw new VmPodException(ExitCode.Missing, $"QEMU did not start: {(words.Length > 0 ? words : why)}", innerException: e);
        }
    }

    /// <summary>Lets the guest run.</summary>
    public Task ContinueAsync(CancellationToken cancel = default) => CommandAsync("cont", null, null, cancel);

    /// <summary>Stops the guest's CPUs; disk writes that were under way are complete when this returns.</summary>
    public Task StopAsync(CancellationToken cancel = default) => CommandAsync("stop", null, null, cancel);

    /// <summary>Asks QEMU for its state.</summary>
    /// <exception cref="VmPodException">QEMU is in a state that a VmPod machine cannot be in.</exception>
    public async Task<RunState> GetRunStateAsync(CancellationToken cancel = default) => ParseRunState(await StatusAsync(cancel));

    /// <summary>
    /// Stops every instruction of QEMU and the guest at once, without asking QEMU (rule 9). QMP does not answer until <see cref="Thaw"/>.
    /// </summary>
    public void Freeze() => _jail.Freeze();

    /// <summary>Undoes <see cref="Freeze"/>; the guest runs on if it ran before.</summary>
    public void Thaw() => _jail.Thaw();

    /// <summary>
    /// Kills QEMU and everything in its jail, and waits until nothing of it is left. False if the kernel still holds it after the wait:
    /// QEMU waits for a page of the mount; abort the mount's connection and call again.
    /// </summary>
    public bool Kill(TimeSpan? wait = null) => _jail.Kill(wait ?? MachineLimits.KillTimeout);

    /// <summary>
    /// Hands a connected stream socket to QEMU's VNC server as one viewer. The caller closes its own descriptor afterwards.
    /// </summary>
    /// <exception cref="VmPodException">The machine has no display.</exception>
    public async Task AttachDisplayAsync(SafeHandle viewer, CancellationToken cancel = default)
    {
        if (!Spec.Shape.Display)
            throw new VmPodException(ExitCode.Usage, "This session's machine has no display.", "Use its serial console.");
        _ = await CommandAsync("getfd", json => json.WriteString("fdname", "viewer"), viewer, cancel);
        // No password: only hostguard can reach this, and hostguard decides who sees the screen.
        _ = await CommandAsync("add_client", json =>
        {
            json.WriteString("protocol", "vnc");
            json.WriteString("fdname", "viewer");
            json.WriteBoolean("skipauth", true);
        }, null, cancel);
    }

    /// <summary>Kills QEMU and frees what belongs to it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        await Task.Run(_jail.Dispose);
        await _qmp.DisposeAsync();
        await _pump;
        _clock.Dispose();
        _clockTurn.Dispose();
        _sockets.Dispose();
    }

    private static void RequireAccelerator(MachineSpec spec)
    {
        if (spec.Accelerator == Accelerator.Tcg)
        {
            if (!spec.AllowEmulation)
                throw new VmPodException(ExitCode.Missing, "Without KVM the guest would run in an emulator, which is no security boundary.",
                    "Use a host with KVM; for tests and the demo only: --allow-emulation");
            return;
        }
        AcceleratorReport report = AcceleratorProbe.Probe();
        if (!report.KvmWorthTrying)
            throw new VmPodException(ExitCode.Missing, "KVM cannot be used on this host: " + string.Join(" ", report.Reasons), report.Cure);
    }

    /// <summary>A QMP command; if QEMU is gone, its last words are in the error.</summary>
    private async Task<JsonElement> CommandAsync(string command, Action<Utf8JsonWriter>? arguments, SafeHandle? descriptor,
        CancellationToken cancel)
    {
        try
        {
            return await _qmp.ExecuteAsync(command, arguments, descriptor, cancel);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Missing)
        {
            // The channel is closed. That it is may be known here before it is written down as closed.
            _ = await Task.WhenAny(Exited, Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None));
            throw new VmPodException(ExitCode.Missing, $"QEMU has ended: {Complaint}", innerException: e);
        }
    }

    private async Task<string> StatusAsync(CancellationToken cancel)
    {
        JsonElement reply = await CommandAsync("query-status", null, null, cancel);
        return Word(reply, "status");
    }

    private static string Word(JsonElement reply, string member) =>
        reply.ValueKind == JsonValueKind.Object && reply.TryGetProperty(member, out JsonElement value)
            && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new VmPodException(ExitCode.Damaged, $"QEMU's answer has no {member}.");

    private static RunState ParseRunState(string status) => status switch
    {
        "running" => RunState.Running,
        "paused" or "prelaunch" or "postmigrate" or "finish-migrate" or "save-vm" or "restore-vm" => RunState.Paused,
        "inmigrate" => RunState.Incoming,
        "io-error" => RunState.DiskError,
        "shutdown" => RunState.Shutdown,
        "guest-panicked" => RunState.Panicked,
        "internal-error" => RunState.InternalError,
        _ => throw new VmPodException(ExitCode.Damaged, "QEMU is in a state that a VmPod machine cannot be in."),
    };

    private async Task PumpEventsAsync()
    {
        await foreach (QmpEvent e in _qmp.Events.ReadAllAsync())
        {
            MachineEvent? known = e.Name switch
            {
                "STOP" => MachineEvent.Stopped,
                "RESUME" => MachineEvent.Resumed,
                "SHUTDOWN" => MachineEvent.Shutdown,
                "RESET" => MachineEvent.Reset,
                "BLOCK_IO_ERROR" => MachineEvent.DiskError,
                "GUEST_PANICKED" => MachineEvent.Panicked,
                _ => null,                          // RTC_CHANGE, JOB_STATUS_CHANGE and others concern nobody here
            };
            if (known is { } value)
                _ = _events.Writer.TryWrite(value);
        }
        _ = await Exited;
        _ = _events.Writer.TryWrite(MachineEvent.Exited);
        _ = _events.Writer.TryComplete();
    }
}
