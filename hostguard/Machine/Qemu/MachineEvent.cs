namespace VmPod.HostGuard.Machine;

/// <summary>What happened to a machine without our asking, or as the answer to it.</summary>
public enum MachineEvent
{
    /// <summary>The guest's CPUs stopped.</summary>
    Stopped,

    /// <summary>The guest's CPUs run.</summary>
    Resumed,

    /// <summary>The guest turned itself off; QEMU is still there, paused, until it is killed.</summary>
    Shutdown,

    /// <summary>The guest restarted itself.</summary>
    Reset,

    /// <summary>The disk gave an error; the guest is stopped and the request waits (rule 9).</summary>
    DiskError,

    /// <summary>The guest's kernel panicked; the guest is stopped.</summary>
    Panicked,

    /// <summary>QEMU has ended. The last event.</summary>
    Exited,
}
