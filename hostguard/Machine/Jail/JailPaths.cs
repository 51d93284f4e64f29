namespace VmPod.HostGuard.Machine;

/// <summary>Names inside the jail. The host's own paths never reach QEMU's command line, so they need no escaping there.</summary>
internal static class JailPaths
{
    /// <summary>The emulator.</summary>
    public const string Qemu = "/usr/bin/qemu-system-x86_64";

    /// <summary>The session's disk.</summary>
    public const string Disk = "/vm/disk";

    /// <summary>The session's RAM.</summary>
    public const string Memory = "/vm/ram";
}
