namespace VmPod.Foundation;

/// <summary>What a command's exit code means. The one table of them (README, "Exit codes").</summary>
public enum ExitCode
{
    /// <summary>Done.</summary>
    Done = 0,

    /// <summary>A bug in VmPod.</summary>
    Bug = 1,

    /// <summary>The command line is wrong.</summary>
    Usage = 2,

    /// <summary>No such vault, session, generation or file.</summary>
    NotFound = 3,

    /// <summary>Refused: wrong secret, policy, attestation.</summary>
    Refused = 4,

    /// <summary>Stored data is damaged.</summary>
    Damaged = 5,

    /// <summary>Busy: another process or host holds the vault or the lease.</summary>
    Busy = 6,

    /// <summary>The link to the pod was lost.</summary>
    LinkLost = 7,

    /// <summary>No space, or a bound was reached.</summary>
    NoSpace = 8,

    /// <summary>Something that VmPod needs is missing on this machine.</summary>
    Missing = 9,
}
