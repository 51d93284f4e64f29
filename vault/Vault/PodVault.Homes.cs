using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Homes;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>Keys for home hosts, so that a locked pod can serve them (rule 24). Where they are stored and who gets them is podkeeper's.</summary>
public sealed partial class PodVault
{
    /// <summary>Wraps a home host's key under the vault's.</summary>
    /// <exception cref="VmPodException">Locked (4).</exception>
    public byte[] WrapHomeKey(SecretBuffer homeKey, UInt128 pairing)
    {
        lock (gate)
            return HomeKeyWrap.Wrap(vaultKey ?? throw Locked(), homeKey, Descriptor.VaultId, pairing);
    }

    /// <summary>Unwraps a home host's key, which is then the caller's. Null if it does not authenticate, or is another pairing's.</summary>
    /// <exception cref="VmPodException">Locked (4).</exception>
    public SecretBuffer? UnwrapHomeKey(ReadOnlySpan<byte> wrapped, UInt128 pairing)
    {
        lock (gate)
            return HomeKeyWrap.TryUnwrap(vaultKey ?? throw Locked(), wrapped, Descriptor.VaultId, pairing);
    }

    /// <summary>Wraps the keys of a session's leases for a home host: all that its log has, or the newest
    /// <see cref="FormatLimits.HomeLeaseKeysMax"/>.</summary>
    /// <param name="homeKey">K_home.</param>
    /// <param name="pairing">Whose it is.</param>
    /// <param name="session">The session.</param>
    /// <param name="known">Those that were wrapped before, which are not wrapped again.</param>
    /// <returns>By ascending id.</returns>
    /// <exception cref="VmPodException">Locked (4), damaged (5).</exception>
    public IReadOnlyList<WrappedLeaseKey> WrapLeaseKeys(SecretBuffer homeKey, UInt128 pairing, SessionHandle session, IReadOnlyList<WrappedLeaseKey> known)
    {
        lock (gate)
        {
            SecretBuffer sessionKey = NameEntry(session, offset: null)?.UnwrapKey(vaultKey ?? throw Locked(), Descriptor.VaultId) ?? throw Broken();
            using var keys = new SessionKeys(Descriptor, session, sessionKey, log);
            Dictionary<ulong, WrappedLeaseKey> before = known.ToDictionary(k => k.LeaseId);
            var wrapped = new List<WrappedLeaseKey>();
            foreach (ulong lease in log.AllLeases(session).TakeLast(FormatLimits.HomeLeaseKeysMax))
            {
                if (before.TryGetValue(lease, out WrappedLeaseKey one))
                {
                    wrapped.Add(one);
                    continue;
                }
                using SecretBuffer? key = keys.LeaseKey(lease);
                // One whose entry is damaged opens no cell here either.
                if (key is not null)
                    wrapped.Add(new WrappedLeaseKey(lease, HomeKeyWrap.WrapLease(homeKey, key, Descriptor.VaultId, pairing, session, lease)));
            }
            return [.. wrapped.OrderBy(k => k.LeaseId)];
        }
    }
}
