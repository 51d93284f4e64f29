using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Homes;
using VmPod.PodKeeper.Mirrors;
using VmPod.PodKeeper.Serving;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper.Pairings;

/// <summary>Makes, lists and removes the pairings of a pod. Every step is in the audit log before it is answered.</summary>
public static class PodPairings
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);

    /// <summary>Opens the pod for pairing on a port of its own, and waits: for a host, three tries, or five minutes.</summary>
    /// <param name="pod">The pod; locked or not.</param>
    /// <param name="request">How.</param>
    /// <param name="screen">The owner's screen.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="VmPodException">Nobody was paired (4); there are as many pairings as there may be (8); the port is taken (6).</exception>
    public static PairedHost Open(Pod pod, PairingRequest request, IPairingScreen screen, TimeProvider time, CancellationToken cancel)
    {
        string folder = PodServer.PairingsOf(pod.Vault.Folder);
        if (List(pod).Count >= ChannelLimits.PairingsMax)
            throw new VmPodException(ExitCode.NoSpace, $"There are {ChannelLimits.PairingsMax} pairings, which is all that a pod has.",
                "podkeeper unpair DIR ID removes one.");
        using Socket listener = Listening.Open(request.Listen);
        string address = request.Address ?? Reach((IPEndPoint)listener.LocalEndPoint!);
        var log = new PairingLog(pod);
        var options = new ChannelOptions { Time = time };
        string name = DisplayName.Sanitise(Environment.MachineName);
        using PairingDesk desk = request.Digits ? PairingDesk.ByDigits(request.Role, name, screen.AreSame, log, options)
            : PairingDesk.ByCode(request.Role, name, address, log, options);
        screen.Open(address, desk.Code);
        while (desk.IsOpen && !screen.IsGone)
        {
            cancel.ThrowIfCancellationRequested();
            if (!listener.Poll(Look, SelectMode.SelectRead))
                continue;
            try
            {
                using Pairing pairing = desk.Accept(listener.Accept());
                if (request.Copy is { } copy)
                    KeptCopies.Note(folder, pairing.Id, copy);
                PairingFolder.Save(folder, pairing);
                return Describe(pod, pairing);
            }
            catch (VmPodException e) when (e.ExitCode is ExitCode.Refused or ExitCode.LinkLost or ExitCode.Busy or ExitCode.Damaged && !log.IsBroken)
            {
                // It is in the log, and one try less.
            }
        }
        throw new VmPodException(ExitCode.Refused, "No host was paired: pairing is closed.", "Open it again: podkeeper pair DIR.");
    }

    /// <summary>All pairings of a pod, by id.</summary>
    public static IReadOnlyList<PairedHost> List(Pod pod) => List(pod.Vault.Folder, pod.Vault.Descriptor.VaultId);

    /// <inheritdoc cref="List(Pod)"/>
    /// <param name="podFolder">The pod's folder.</param>
    /// <param name="vaultId">Its vault.</param>
    public static IReadOnlyList<PairedHost> List(string podFolder, UInt128 vaultId)
    {
        IReadOnlyList<Pairing> all = PairingFolder.Load(PodServer.PairingsOf(podFolder));
        try
        {
            return [.. all.Select(p => Describe(podFolder, vaultId, p))];
        }
        finally
        {
            foreach (Pairing pairing in all)
                pairing.Dispose();
        }
    }

    /// <summary>Removes a pairing: that host is a stranger from now on, and no key is kept for it; of a pod that was mirrored here the copy stays. So is
    /// one with a pod that keeps a mirror of this one. False if there is none.
    /// What it has here now, <see cref="PodServer.CutOff"/> ends.</summary>
    public static bool Remove(Pod pod, UInt128 id)
    {
        bool wasPaired = PairingFolder.Remove(PodServer.PairingsOf(pod.Vault.Folder), id);
        // Also what a crash in the middle of an earlier try left.
        new HomeKeyFolder(pod.Vault.Folder).Remove(id);
        KeptCopies.Forget(PodServer.PairingsOf(pod.Vault.Folder), id);
        if (!wasPaired)
            return Keepers.Remove(pod, id);
        pod.Audit.Append(new AuditEvent(AuditKind.HostUnpaired, AuditOutcome.Ok) { Detail = { ["pairing"] = LogName(pod.Vault.Descriptor.VaultId, id) } });
        return true;
    }

    internal static string LogName(UInt128 vaultId, UInt128 id) => HostPseudonym.ForPairing(vaultId, id).ToString("x32", CultureInfo.InvariantCulture);

    private static PairedHost Describe(Pod pod, Pairing pairing) => Describe(pod.Vault.Folder, pod.Vault.Descriptor.VaultId, pairing);

    private static PairedHost Describe(string podFolder, UInt128 vaultId, Pairing pairing) =>
        new(pairing.Id, pairing.PeerName, pairing.Role, pairing.Created, LogName(vaultId, pairing.Id))
        {
            Copy = pairing.Role == HostRole.Mirror ? KeptCopies.NameOf(PodServer.PairingsOf(podFolder), pairing.Id) : null,
        };

    // A wildcard is no address that a host could use: the first one that this machine has for others is a guess, and --address says better.
    private static string Reach(IPEndPoint at)
    {
        if (!at.Address.Equals(IPAddress.Any) && !at.Address.Equals(IPAddress.IPv6Any))
            return at.ToString();
        IPAddress? own = NetworkInterface.GetAllNetworkInterfaces()
            .Where(n => n.OperationalStatus == OperationalStatus.Up && n.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(n => n.GetIPProperties().UnicastAddresses).Select(a => a.Address)
            .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork);
        return own is null ? "" : new IPEndPoint(own, at.Port).ToString();
    }
}
