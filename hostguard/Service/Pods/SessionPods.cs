using Microsoft.Extensions.Logging;
using VmPod.Foundation;
using VmPod.HostGuard.Commands;
using VmPod.HostGuard.Session;
using VmPod.PodKeeper;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Vault.Cells;

namespace VmPod.HostGuard.Pods;

/// <summary>Opens what --pod names.</summary>
internal static class SessionPods
{
    /// <summary>Opens a pod.</summary>
    /// <param name="address">A folder, or a machine.</param>
    /// <param name="passphrase">Of a folder; null if the key agent has its key. A pod that is a machine is unlocked on the pod and nowhere else.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where the link's fate is logged.</param>
    /// <exception cref="VmPodException">No such pod (3), locked or refused (4), in use (6), not reached (7).</exception>
    public static ISessionPod Open(PodAddress address, SecretBuffer? passphrase, TimeProvider time, ILogger log)
    {
        if (address.Machine is null)
            return OpenFolder(address.Text, passphrase, time);
        if (passphrase is not null)
            throw new VmPodException(ExitCode.Usage, "A pod that is another machine is unlocked there, and nowhere else.",
                "podkeeper unlock DIR on the pod; leave --pin-file away.");
        IReadOnlyList<Pairing> pairings = Candidates(address.Text);
        VmPodException? refused = null;
        try
        {
            foreach (Pairing pairing in pairings)
            {
                try
                {
                    var pod = new RemotePod(address, pairing, time, log);
                    pairings = [.. pairings.Where(p => p.Id != pairing.Id)];
                    return pod;
                }
                catch (VmPodException e) when (e.ExitCode == ExitCode.Refused)
                {
                    // A pod that does not know one pairing may know the next.
                    refused = e;
                }
            }
        }
        finally
        {
            foreach (Pairing pairing in pairings)
                pairing.Dispose();
        }
        throw refused ?? new VmPodException(ExitCode.Refused, "This host is not paired with any pod.",
            "On the pod: podkeeper pair DIR. Here: hostguard pair CODE.");
    }

    /// <summary>The pairings to try at an address: that of the pod that was met there first, then the others.</summary>
    private static List<Pairing> Candidates(string address)
    {
        string folder = HostFolder.Pods();
        return [.. PairingFolder.Load(folder).OrderByDescending(p => KnownPod.Load(folder, p.Id).Address == address)];
    }

    private static FolderPod OpenFolder(string folder, SecretBuffer? passphrase, TimeProvider time)
    {
        Pod pod = Pod.Open(folder, StoreAccess.Write, time);
        try
        {
            var presence = new PodPresence(folder);
            PodUnlock.Unlock(pod, passphrase, folder);
            return new FolderPod(pod, presence);
        }
        catch
        {
            pod.Dispose();
            throw;
        }
    }
}
