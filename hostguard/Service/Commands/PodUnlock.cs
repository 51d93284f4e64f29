using VmPod.Foundation;
using VmPod.PodKeeper;
using VmPod.Secrets;

namespace VmPod.HostGuard.Commands;

/// <summary>Unlocks a pod folder for this process.</summary>
internal static class PodUnlock
{
    /// <summary>By the passphrase, or by the key agent if there is none.</summary>
    /// <exception cref="VmPodException">Wrong, or no agent has the key (4).</exception>
    public static void Unlock(Pod pod, SecretBuffer? passphrase, string folder)
    {
        if (passphrase is null ? pod.TryUnlockByAgent() : pod.TryUnlock(passphrase))
            return;
        throw passphrase is null
            ? new VmPodException(ExitCode.Refused, "The pod is locked.", $"podkeeper unlock {folder}, or --pin-file.")
            : new VmPodException(ExitCode.Refused, "The passphrase is wrong.", "Try again; each failure is in the pod's audit log.");
    }
}
