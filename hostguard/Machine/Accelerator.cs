namespace VmPod.HostGuard.Machine;

/// <summary>What executes the guest's instructions.</summary>
public enum Accelerator
{
    /// <summary>The kernel's virtualisation: the only one that QEMU's makers call a security boundary.</summary>
    Kvm,

    /// <summary>
    /// QEMU's emulator: no security boundary, for tests and the demo, and only with <see cref="MachineSpec.AllowEmulation"/>.
    /// </summary>
    Tcg,
}
