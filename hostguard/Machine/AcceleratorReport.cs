namespace VmPod.HostGuard.Machine;

/// <summary>What is known about KVM here before a guest has run.</summary>
/// <param name="KvmWorthTrying">False: it is known not to work. True: nothing speaks against it; only a guest that boots proves it, so the
/// caller gives the first boot a time limit.</param>
/// <param name="Reasons">What was found, one sentence each, for people.</param>
/// <param name="Cure">What would help, or null.</param>
public sealed record AcceleratorReport(bool KvmWorthTrying, IReadOnlyList<string> Reasons, string? Cure);
