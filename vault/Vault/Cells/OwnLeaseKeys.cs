using VmPod.Vault.Keys;

namespace VmPod.Vault.Cells;

/// <summary>The keys of one lease alone: all that a host has.</summary>
internal sealed class OwnLeaseKeys(LeaseKeys keys) : ILeaseKeySource
{
    /// <inheritdoc/>
    public LeaseKeys? Find(ulong leaseId) => leaseId == keys.LeaseId ? keys : null;

    /// <inheritdoc/>
    public void Dispose() => keys.Dispose();
}
