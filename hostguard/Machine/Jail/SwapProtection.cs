namespace VmPod.HostGuard.Machine;

/// <summary>
/// Why QEMU's own heap (device buffers, display) cannot end on a swap device in the clear. Guest RAM is page cache of the mount and never
/// swaps.
/// </summary>
public enum SwapProtection
{
    /// <summary>No swap is active.</summary>
    NoSwap,

    /// <summary>Swap is active, but only encrypted or in RAM (dm-crypt, zram without a backing device).</summary>
    EncryptedSwap,

    /// <summary>As <see cref="EncryptedSwap"/>, and QEMU is in a memory cgroup whose swap is 0.</summary>
    CgroupWithoutSwap,
}
