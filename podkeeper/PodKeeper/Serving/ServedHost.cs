using System.Globalization;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper.Serving;

/// <summary>The host at the other end of a link, as the pod knows it.</summary>
/// <param name="PairingId">The pairing that it proved to hold.</param>
/// <param name="Role">What the owner said that it is.</param>
/// <param name="Pseudonym">What the vault calls it during this boot of it.</param>
/// <param name="Pairing">What the audit log calls it, whatever its boot.</param>
internal sealed record ServedHost(UInt128 PairingId, HostRole Role, UInt128 Pseudonym, string Pairing)
{
    /// <summary>The actor of entries.</summary>
    public string Actor { get; } = Pseudonym.ToString("x32", CultureInfo.InvariantCulture);

    internal static ServedHost Of(UInt128 vaultId, UInt128 pairingId, HostRole role, UInt128 bootId) => new(pairingId, role,
        HostPseudonym.ForPaired(vaultId, pairingId, bootId),
        HostPseudonym.ForPairing(vaultId, pairingId).ToString("x32", CultureInfo.InvariantCulture));
}
