namespace VmPod.HostGuard.Machine;

/// <summary>What the guest may reach.</summary>
public enum NetworkPolicy
{
    /// <summary>Nothing: QEMU runs in a network namespace that holds only its own loopback.</summary>
    None,

    /// <summary>
    /// Connections from the guest outwards, by QEMU's user-mode network; no port is forwarded inwards. QEMU then shares the host's network
    /// namespace (user-mode networking opens the host's sockets), so the guest also reaches what listens on the host's loopback. The owner
    /// is told so.
    /// </summary>
    Outbound,
}
