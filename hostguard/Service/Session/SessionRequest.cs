using System.Text.Json.Serialization;

namespace VmPod.HostGuard.Session;

/// <summary>How a session process is to run a session: what the command line said. Holds no secret.</summary>
public sealed record SessionRequest
{
    /// <summary>The pod's folder.</summary>
    public required string Pod { get; init; }

    /// <summary>The session's name.</summary>
    public required string Session { get; init; }

    /// <summary>True: cold boot from the newest disk. False: resume from a checkpoint.</summary>
    public bool Boot { get; init; }

    /// <summary>The generation to resume; null for the newest checkpoint.</summary>
    public ulong? Generation { get; init; }

    /// <summary>The fork to go on from instead, by the id of the lease that left it; null for none.</summary>
    public ulong? Fork { get; init; }

    /// <summary>Goes on from the checkpoint although the disk was changed since: those changes stay behind (rule 2).</summary>
    public bool DropDiskChanges { get; init; }

    /// <summary>Lets QEMU emulate the CPU where KVM does not work: tests and demo only.</summary>
    public bool AllowEmulation { get; init; }

    /// <summary>A guest's flush returns only when the pod has it durably (rule 6).</summary>
    public bool FlushToPod { get; init; }

    /// <summary>A rehearsal: the machine runs only to show what it reads first, and nothing that it writes is kept.</summary>
    public bool IsRehearsal { get; init; }

    /// <summary>Stores the session's chunks alone from now on, and for good.</summary>
    public bool StoreAlone { get; init; }

    /// <summary>Lets the guest open connections to the outside.</summary>
    public bool OutboundNetwork { get; init; }

    /// <summary>Fetches all of the session in the background, so that the machine waits for the pod no more.</summary>
    public bool Complete { get; init; }

    /// <summary>The folder of this run: sockets, mount point, log, receipt.</summary>
    public required string RunFolder { get; init; }

    /// <summary>Time between the pod's loss and the wipe, while the machine stands still; the pod may come back.</summary>
    public int GraceMs { get; init; } = 10_000;

    /// <summary>Time between checkpoints with memory, in seconds; 0 for none but those asked for.</summary>
    public int CheckpointEverySeconds { get; init; }

    /// <summary>When this command began, ms since 1970: what resume_s counts from.</summary>
    public long StartedMs { get; init; }

    /// <summary>MiB of locked memory for writes that are not sealed yet.</summary>
    public int OverlayMiB { get; init; } = 128;

    /// <summary>MiB of locked memory for decoded chunks.</summary>
    public int CacheMiB { get; init; } = 96;

    /// <summary>True if a passphrase follows the request; false if the pod's key agent has the key.</summary>
    public bool PassphraseFollows { get; init; }
}

/// <summary>A session's phase. What each allows is said in hostguard/README.md.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SessionPhase>))]
public enum SessionPhase
{
    /// <summary>Nothing of it is here.</summary>
    Absent,

    /// <summary>Looking whether this machine can run it, before any byte moves.</summary>
    Preflight,

    /// <summary>Lease, keys, mount, hypervisor.</summary>
    Opening,

    /// <summary>The machine runs.</summary>
    Running,

    /// <summary>A checkpoint is being taken; the machine runs but for the pause.</summary>
    Checkpointing,

    /// <summary>The pod is gone: the machine stands still, and waits for the pod or the end of the grace.</summary>
    Frozen,

    /// <summary>The machine is being stopped and its last state sealed.</summary>
    Leaving,

    /// <summary>Keys and caches are zeroed, the machine is dead, the mount is gone.</summary>
    Wiped,
}
