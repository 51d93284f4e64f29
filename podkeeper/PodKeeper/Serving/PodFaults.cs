using VmPod.Foundation;

namespace VmPod.PodKeeper.Serving;

/// <summary>What a host is told by more than one request.</summary>
internal static class PodFaults
{
    internal static VmPodException IsLocked() => new(ExitCode.Refused, "The pod is locked.", "Unlock it on the pod: podkeeper unlock DIR.");

    internal static VmPodException NoLease() => new(ExitCode.Refused, "This link has no lease.", "Open or attach one first.");
}
