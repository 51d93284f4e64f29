using VmPod.Vault.Keys;

namespace VmPod.Vault.Cells;

/// <summary>Where the keys of leases come from, by the key id of a cell's header.</summary>
internal interface ILeaseKeySource : IDisposable
{
    /// <summary>The keys of a lease. Null if this vault has no such lease, its entry does not authenticate, or they are not for this host.</summary>
    LeaseKeys? Find(ulong leaseId);
}
