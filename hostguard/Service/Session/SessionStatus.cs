using VmPod.HostGuard.Pods;

namespace VmPod.HostGuard.Session;

/// <summary>A session at a glance.</summary>
public sealed record SessionStatus
{
    // What a suspend takes with nothing to move (measured: 55 ms and the wipe).
    private const double LeaveBaseS = 0.2;

    /// <summary>Its name.</summary>
    public required string Session { get; init; }

    /// <summary>Its phase.</summary>
    public required SessionPhase Phase { get; init; }

    /// <summary>hostguard's process.</summary>
    public required int ProcessId { get; init; }

    /// <summary>The hypervisor's process; 0 if there is none.</summary>
    public int QemuProcessId { get; init; }

    /// <summary>"kvm" or "emulation".</summary>
    public string? Accelerator { get; init; }

    /// <summary>The newest generation of this session.</summary>
    public ulong Generation { get; init; }

    /// <summary>Seconds since that generation.</summary>
    public double GenerationAgeSeconds { get; init; }

    /// <summary>Bytes written to disks that are in no cell yet.</summary>
    public long DiskUnsealedBytes { get; init; }

    /// <summary>Bytes of guest memory that are dirty or in no cell yet.</summary>
    public long MemoryUnsealedBytes { get; init; }

    /// <summary>Bytes of sealed cells that the pod has not committed yet. Always 0 where the pod is a folder.</summary>
    public long SealedUncommittedBytes { get; init; }

    /// <summary>Seconds since the oldest write to a disk that is in no commit of the pod; 0 if there is none.</summary>
    public double UnsyncedS { get; init; }

    /// <summary>Seconds from the oldest write of the newest commit to that commit being durable on the pod; null before the first.</summary>
    public double? LiveSyncLagS { get; init; }

    /// <summary>The longest such time in this stay.</summary>
    public double? LiveSyncLagMaxS { get; init; }

    /// <summary>Bytes of cells that reach the pod a second, measured; null before there was enough to measure.</summary>
    public double? BytesPerSecond { get; init; }

    /// <summary>About how long leave takes now, with memory, in seconds; null before the rate is known.</summary>
    public double? LeaveS => BytesPerSecond is { } rate and > 0
        ? Math.Round(LeaveBaseS + (DiskUnsealedBytes + MemoryUnsealedBytes + SealedUncommittedBytes) / rate, 1) : null;

    /// <summary>Bytes that the machine read and wrote through the mount.</summary>
    public long BytesRead { get; init; }

    /// <summary>Bytes written through the mount.</summary>
    public long BytesWritten { get; init; }

    /// <summary>Cells that came from the pod over the link, each counted once. Always 0 where the pod is a folder.</summary>
    public long CellsFetched { get; init; }

    /// <summary>True once every cell that the session had when it was opened is on this host (--complete).</summary>
    public bool IsComplete { get; init; }

    /// <summary>Bytes of cells appended to the pod under this lease.</summary>
    public long BytesAppended { get; init; }

    /// <summary>Bytes that are free on the pod's disk; null where the pod does not say.</summary>
    public long? PodFreeBytes { get; init; }

    /// <summary>"enough", "low" (less than a tenth of the pod's disk is free) or "kept-only" (what is free is kept for a suspend, and changes of the disk stay
    /// on this host until then); null where the pod does not say.</summary>
    public string? PodRoom { get; init; }

    /// <summary>What to say of the pod's room; null where there is enough.</summary>
    public string? PodRoomWarning => PodRoom switch
    {
        "low" => $"the pod is nearly full ({PodFreeBytes >> 20} MiB free): forget generations on it (podkeeper forget, then gc)",
        "kept-only" => $"the pod is full: the {PodFreeBytes >> 20} MiB that are free are kept for a suspend, and what the disk writes stays on this host until "
            + "then; forget generations on it (podkeeper forget, then gc)",
        _ => null,
    };

    /// <summary>The session's forks on the pod that nobody has decided about; null for none.</summary>
    public IReadOnlyList<PodFork>? Forks { get; init; }

    /// <summary>What to say of them; null for none.</summary>
    public string? ForkWarning => PodFork.Warning(Session, Forks);

    /// <summary>Locked bytes of overlay and cache.</summary>
    public long LockedBytes { get; init; }

    /// <summary>The serial console's socket.</summary>
    public string? Console { get; init; }

    /// <summary>The witness port's socket, for a machine with a test agent.</summary>
    public string? Agent { get; init; }

    /// <summary>The mount's folder, in hostguard's own mount namespace.</summary>
    public string? Mount { get; init; }

    /// <summary>Why a machine that should run stands still, or null.</summary>
    public string? Trouble { get; init; }

    /// <summary>How QEMU's heap is kept off the disk.</summary>
    public string? Swap { get; init; }
}

/// <summary>What an operation on a session answered.</summary>
public sealed record SessionResult
{
    /// <summary>The session.</summary>
    public required string Session { get; init; }

    /// <summary>The generation made or used.</summary>
    public ulong Generation { get; init; }

    /// <summary>Seconds that the machine stood still.</summary>
    public double PauseS { get; init; }

    /// <summary>Seconds of the whole operation.</summary>
    public double WallS { get; init; }

    /// <summary>Bytes of cells appended.</summary>
    public long BytesAdded { get; init; }

    /// <summary>Cells that the session needs now and did not before.</summary>
    public long CellsAdded { get; init; }

    /// <summary>The session's forks on the pod that nobody has decided about, as of when it was last asked; null for none.</summary>
    public IReadOnlyList<PodFork>? Forks { get; init; }

    /// <summary>What to say of them; null for none.</summary>
    public string? ForkWarning => PodFork.Warning(Session, Forks);

    /// <summary>The receipt, if the session ended.</summary>
    public WipeReceipt? Receipt { get; init; }
}
