using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Homes;

/// <summary>The keys of one session's leases at a home host: unwrapped with its own key, so that a locked pod need only give it cells (rule 24).</summary>
/// <remarks>Thread-safe but for <see cref="Dispose"/>.</remarks>
public sealed class HomeLeaseKeys : ILeaseKeySource
{
    private readonly Dictionary<ulong, LeaseKeys> keys = [];

    private HomeLeaseKeys()
    {
    }

    /// <summary>How many leases' keys it has.</summary>
    public int Count => keys.Count;

    /// <summary>Opens what a pod stored for this host. What does not open with its key, or is not the key that its lease's id comes from, is passed over: a
    /// cell of that lease is then not read.</summary>
    /// <param name="homeKey">K_home; stays the caller's.</param>
    /// <param name="vaultId">The vault.</param>
    /// <param name="pairing">This host's pairing.</param>
    /// <param name="session">The session.</param>
    /// <param name="wrapped">What the pod sent.</param>
    public static HomeLeaseKeys Open(SecretBuffer homeKey, UInt128 vaultId, UInt128 pairing, SessionHandle session, IReadOnlyList<WrappedLeaseKey> wrapped)
    {
        var opened = new HomeLeaseKeys();
        try
        {
            foreach (WrappedLeaseKey one in wrapped)
            {
                using SecretBuffer? key = HomeKeyWrap.TryUnwrapLease(homeKey, one.Wrapped.Span, vaultId, pairing, session, one.LeaseId);
                if (key is not null && !opened.keys.ContainsKey(one.LeaseId) && LeaseKeys.DeriveFor(key, vaultId, one.LeaseId) is { } lease)
                    opened.keys.Add(one.LeaseId, lease);
            }
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public LeaseKeys? Find(ulong leaseId) => keys.GetValueOrDefault(leaseId);

    /// <summary>Derives K_rec of a cell, as a pod would release it. False, and zero, if the cell is of no lease that is known here.</summary>
    /// <param name="cell">The cell, whole.</param>
    /// <param name="recordKey">Gets the key, 32 bytes of locked memory.</param>
    public bool TryDeriveRecordKey(ReadOnlySpan<byte> cell, Span<byte> recordKey)
    {
        recordKey.Clear();
        if (!CellHeader.TryRead(cell, out CellHeader header) || Find(header.KeyId) is not { } lease || lease.Suite != header.Suite)
            return false;
        CellCipher.DeriveRecordKey(lease, cell, recordKey);
        return true;
    }

    /// <summary>Zeroes the keys.</summary>
    public void Dispose()
    {
        foreach (LeaseKeys lease in keys.Values)
            lease.Dispose();
        keys.Clear();
    }
}
