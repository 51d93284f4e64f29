using VmPod.Audit;
using VmPod.PodKeeper.Pairings;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper;

/// <summary>Pods that keep mirrors of this one: what is written down of them.</summary>
public sealed partial class Pod
{
    /// <summary>Writes down that this pod was paired with one that keeps its mirror, before the pairing is stored. A copy without a log key writes
    /// nothing.</summary>
    /// <exception cref="Foundation.VmPodException">The log cannot be written (5, 6, 8).</exception>
    public void LogKeeper(UInt128 pairing, PairingWay way)
    {
        if (!Audit.CanAppend)
            return;
        Audit.Append(new AuditEvent(AuditKind.KeeperPaired, AuditOutcome.Ok)
        {
            Detail = { ["by"] = way == PairingWay.Code ? "code" : "digits", ["pairing"] = PodPairings.LogName(Vault.Descriptor.VaultId, pairing) },
        });
    }
}
