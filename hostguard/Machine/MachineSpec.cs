namespace VmPod.HostGuard.Machine;

/// <summary>One run of a machine on this host: its shape, and where its parts are here.</summary>
public sealed record MachineSpec
{
    /// <summary>The uid QEMU gets when hostguard is root: inside systemd's range for dynamic users, so that it is nobody's.</summary>
    public const int DefaultRunUid = 61_744;

    /// <summary>What the guest sees.</summary>
    public required MachineShape Shape { get; init; }

    /// <summary>The disk: a raw file, readable and writable by <see cref="RunUid"/>, on a file system with O_DIRECT.</summary>
    public required string DiskPath { get; init; }

    /// <summary>
    /// Guest RAM: a file of exactly <see cref="MachineShape.MemoryBytes"/>, readable and writable by <see cref="RunUid"/>.
    /// </summary>
    public required string MemoryPath { get; init; }

    /// <summary>
    /// Holds the sockets of this run; made with mode 0700 if it is not there, and never seen by QEMU, which inherits the sockets open.
    /// </summary>
    public required string RunFolder { get; init; }

    /// <summary>What executes the guest.</summary>
    public required Accelerator Accelerator { get; init; }

    /// <summary>Permits <see cref="Accelerator.Tcg"/>: tests and demo only (--allow-emulation).</summary>
    public bool AllowEmulation { get; init; }

    /// <summary>What the guest may reach.</summary>
    public NetworkPolicy Network { get; init; }

    /// <summary>QEMU's uid. When hostguard is not root it must be hostguard's own.</summary>
    public int RunUid { get; init; } = DefaultRunUid;

    /// <summary>QEMU's gid.</summary>
    public int RunGid { get; init; } = DefaultRunUid;

    /// <summary>How long QEMU may take to come up.</summary>
    public TimeSpan StartTimeout { get; init; } = MachineLimits.StartTimeout;

    /// <summary>How long QEMU may take to answer one QMP command.</summary>
    public TimeSpan ReplyTimeout { get; init; } = MachineLimits.ReplyTimeout;
}
