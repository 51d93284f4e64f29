namespace VmPod.HostGuard.Mount;

/// <summary>How the kernel treats a file of the mount.</summary>
public enum MountedFileKind
{
    /// <summary>Guest RAM: mapped by the hypervisor, kept in the page cache across opens (FOPEN_KEEP_CACHE), no writeback on
    /// close.</summary>
    Memory,

    /// <summary>A guest disk: no page cache at all (FOPEN_DIRECT_IO), O_DIRECT works, writes of one file run in parallel.</summary>
    Disk,

    /// <summary>A small file (configuration, firmware, device state), cached across opens.</summary>
    Plain,
}
