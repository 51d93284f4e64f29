using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.HostGuard.Machine;
using VmPod.HostGuard.Mount;
using VmPod.HostGuard.Pods;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Session;

/// <summary>
/// One session on this host, from its opening to its wipe. One process runs one session.
/// </summary>
/// <remarks>
/// <code>
///   Absent - Preflight - Opening - Running - Leaving - Wiped
///                |           |     |  |  |
///                |           |     |  |  Frozen (pod gone; back to Running if it returns within the grace)
///                |           |     |  Checkpointing (back to Running)
///                '-----------'-----'---------- any failure goes to Leaving, and from there to Wiped
/// </code>
/// One file per phase: SessionHost.Opening.cs, .Running.cs, .Checkpointing.cs, .Leaving.cs, .Wiping.cs. <c>turn</c> lets one change of phase happen at a time.
/// </remarks>
internal sealed partial class SessionHost : IAsyncDisposable
{
    private const string DiskStream = "disk", MemoryStream = "memory", StateStream = "state", ConfigStream = "machine.json";

    private readonly SessionRequest request;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly SyncMeter meter;
    private readonly CancellationTokenSource ending = new();
    private readonly TaskCompletionSource<WipeReceipt> wiped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Task> watchers = [];
    private ISessionPod? pod;
    private SessionLease? lease;
    private Task<ImageMemory>? locked;
    private SessionImage? image;
    private FuseMount? mount;
    private ImageFile[] files = [];
    private string? mountPoint;
    private ulong? lastCheckpoint;
    private QemuMachine? machine;
    private MachineShape? shape;
    private StreamInfo? disk, memory;
    private readonly TaskCompletionSource<VmPodException> damaged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? trouble;
    private SessionPhase phase;

    /// <summary>A host for one run of one session.</summary>
    public SessionHost(SessionRequest request, TimeProvider time, ILogger log)
    {
        this.request = request;
        this.time = time;
        this.log = log;
        meter = new SyncMeter(time);
    }

    /// <summary>Completes when the session is wiped.</summary>
    public Task<WipeReceipt> Wiped => wiped.Task;

    /// <summary>Where it is.</summary>
    public SessionStatus Status()
    {
        SessionImage? current = phase is SessionPhase.Wiped ? null : image;
        CacheState cache = default;
        try
        {
            cache = current is null || mount is null ? default : mount.CacheState(MemoryStream);
        }
        catch (Exception e) when (e is IOException or VmPodException or ObjectDisposedException)
        {
            // The mount is going away under us: nothing of it to report.
            log.LogDebug("The mount's cache could not be asked: {Reason}", e.Message);
        }
        CommitRecord? record = lease?.Reader?.Record;
        PodSpace? space = phase is SessionPhase.Wiped ? null : pod?.Space;
        return new SessionStatus
        {
            Session = request.Session,
            Phase = phase,
            ProcessId = Environment.ProcessId,
            QemuProcessId = phase is SessionPhase.Wiped ? 0 : machine?.ProcessId ?? 0,
            Accelerator = machine?.Spec.Accelerator.ToString(),
            Generation = record?.Generation ?? 0,
            GenerationAgeSeconds = record is null ? 0 : (NowMs() - (long)record.TimeMs) / 1000.0,
            DiskUnsealedBytes = current?.UnsealedBytes(StreamKind.Disk) ?? 0,
            MemoryUnsealedBytes = (current?.UnsealedBytes(StreamKind.Memory) ?? 0) + cache.DirtyPages * FormatLimits.PageBytes,
            SealedUncommittedBytes = phase is SessionPhase.Wiped ? 0 : pod?.RestBytes ?? 0,
            UnsyncedS = meter.UnsyncedSeconds,
            LiveSyncLagS = meter.LagSeconds,
            LiveSyncLagMaxS = meter.LagMaxSeconds,
            BytesPerSecond = meter.BytesPerSecond,
            BytesRead = current?.Counters.Read ?? 0,
            BytesWritten = current?.Counters.Written ?? 0,
            IsComplete = isComplete,
            CellsFetched = phase is SessionPhase.Wiped ? 0 : pod?.CellsFetched ?? 0,
            BytesAppended = lease?.BytesAppended ?? 0,
            PodFreeBytes = (long?)space?.FreeBytes,
            PodRoom = space?.Room switch
            {
                PodRoom.Enough => "enough",
                PodRoom.Low => "low",
                PodRoom.KeptOnly => "kept-only",
                _ => null,
            },
            Forks = WaitingForks,
            LockedBytes = current?.LockedBytes ?? 0,
            Console = machine?.ConsolePath,
            Agent = machine?.AgentPath,
            Mount = mount?.MountPoint,
            Trouble = trouble,
            Swap = machine?.SwapProtection.ToString(),
        };
    }

    // Null where there is none: nothing is said then.
    private IReadOnlyList<PodFork>? WaitingForks => pod?.Forks is { Count: > 0 } forks ? forks : null;

    /// <summary>True if the machine runs and has a screen.</summary>
    public bool CanShowDisplay => phase is SessionPhase.Running or SessionPhase.Checkpointing && shape?.Display == true;

    /// <summary>Hands a viewer's connection to the machine's screen.</summary>
    public Task AttachDisplayAsync(System.Runtime.InteropServices.SafeHandle viewer) => machine!.AttachDisplayAsync(viewer, ending.Token);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (phase is not (SessionPhase.Wiped or SessionPhase.Absent))
            _ = await WipeAsync("failed");
        ending.Dispose();
        turn.Dispose();
    }

    // An entry of the pod's audit log about this session: durable when it returns.
    private void Audit(AuditKind kind, params ReadOnlySpan<(string Name, long Value)> details)
    {
        var entry = new AuditEvent(kind, AuditOutcome.Ok) { Session = lease?.Session.ToString() };
        foreach ((string name, long value) in details)
            entry.Detail[name] = value;
        pod!.Log(entry);
    }

    private long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();

    private void Enter(SessionPhase next)
    {
        log.LogInformation("Session {Handle}: {From} -> {To}", lease?.Session.ToString() ?? "-", phase, next);
        phase = next;
    }

    private static double Seconds(Stopwatch watch) => Math.Round(watch.Elapsed.TotalSeconds, 4);
}
