using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.PodKeeper;

/// <summary>Asks for the passphrase of a pod that is locked.</summary>
public static class LockedPod
{
    /// <summary>On the terminal.</summary>
    /// <param name="prompt">Shown before the answer.</param>
    /// <param name="folder">The pod's folder, for the hint.</param>
    /// <exception cref="VmPodException">There is nobody to ask (4), cancelled or empty (4), too long (2).</exception>
    public static SecretBuffer Ask(string prompt, string folder)
    {
        try
        {
            return SecretInput.ReadTerminal(prompt);
        }
        catch (VmPodException e) when (e.InnerException is IOException or UnauthorizedAccessException)
        {
            // A script did not type a wrong command: the pod is locked, and only its owner can change that.
            throw new VmPodException(ExitCode.Refused, "The pod is locked, and there is no terminal to ask for its passphrase on.",
                $"podkeeper unlock {folder}, or --pin-file FILE.", e);
        }
    }
}
