namespace VmPod.HostGuard.Machine;

/// <summary>QEMU's run states, as far as a VmPod machine can be in them.</summary>
public enum RunState
{
    /// <summary>Waits for its device state.</summary>
    Incoming,

    /// <summary>Stands still and can go on.</summary>
    Paused,

    /// <summary>Runs.</summary>
    Running,

    /// <summary>Stopped by an error of the disk.</summary>
    DiskError,

    /// <summary>The guest turned itself off.</summary>
    Shutdown,

    /// <summary>The guest's kernel panicked.</summary>
    Panicked,

    /// <summary>QEMU or KVM gave up on the guest.</summary>
    InternalError,
}
