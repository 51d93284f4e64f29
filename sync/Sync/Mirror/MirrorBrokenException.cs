using VmPod.Foundation;

namespace VmPod.Sync.Mirror;

/// <summary>The other side of a mirror link broke a rule: the link ends, and it is not told why.</summary>
internal sealed class MirrorBrokenException(string what) : VmPodException(ExitCode.Damaged, $"The other side of the mirror broke the protocol: {what}.",
    "It is no podkeeper, or not this version of it: compare the versions.");
