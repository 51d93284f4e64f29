using VmPod.Foundation;

namespace VmPod.HostGuard.Machine;

/// <summary>Who may open a device node.</summary>
internal static unsafe class DeviceAccess
{
    /// <summary>The group through which a process without capabilities may read and write the device.</summary>
    /// <exception cref="VmPodException">The device is for its owner only (exit code 9).</exception>
    public static int GroupThatMayUse(string device)
    {
        const int AT_FDCWD = -100;
        const uint STATX_BASIC = 0x7ff;
        // struct statx { u32 mask, blksize; u64 attributes; u32 nlink, uid, gid; u16 mode; … }, 256 bytes.
        byte* status = stackalloc byte[256];
        if (Interop.statx(AT_FDCWD, device, 0, STATX_BASIC, status) != 0)
            throw Libc.Failure("statx");
        uint gid = *(uint*)(status + 24);
        ushort mode = *(ushort*)(status + 28);
        const int groupReadWrite = 0x30;        // 0060
        if ((mode & groupReadWrite) != groupReadWrite || gid == 0)
            throw new VmPodException(ExitCode.Missing, $"{device} is for root only, and QEMU does not run as root.",
                $"Give it to a group: chgrp kvm {device}; chmod 660 {device}");
        return checked((int)gid);
    }
}
