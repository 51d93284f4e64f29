using System.Collections.Concurrent;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Sessions;

/// <summary>The keys of one session, unwrapped when first used: K_session, its epochs, its leases. Thread-safe.</summary>
internal sealed class SessionKeys(VaultDescriptor vault, SessionHandle session, SecretBuffer sessionKey, LogIndex log) : ILeaseKeySource
{
    private readonly UInt128 vaultId = vault.VaultId;
    private readonly ConcurrentDictionary<ulong, LeaseKeys?> leases = [];
    private readonly Dictionary<ulong, SecretBuffer> epochs = [];
    private readonly Lock gate = new();

    /// <inheritdoc/>
    public LeaseKeys? Find(ulong leaseId)
    {
        if (leases.TryGetValue(leaseId, out LeaseKeys? keys))
            return keys;
        lock (gate)
        {
            if (leases.TryGetValue(leaseId, out keys))
                return keys;
            keys = log.FindLease(session, leaseId) is { } entry ? Unwrap(entry) : null;
            leases[leaseId] = keys;
            return keys;
        }
    }

    /// <summary>The keys of a lease that was just begun.</summary>
    public void Add(LeaseKeys keys) => leases[keys.LeaseId] = keys;

    /// <summary>The key of an epoch, by where its entry stands in the log. Null if it does not authenticate.</summary>
    public SecretBuffer? Epoch(ulong offset)
    {
        lock (gate)
        {
            if (epochs.TryGetValue(offset, out SecretBuffer? known))
                return known;
            if (EpochEntry.TryRead(log.ReadPayload(offset, LogEntryTypes.Epoch)) is not { } entry || entry.Session != session
                || KeyWrap.TryUnwrap(sessionKey, entry.WrappedKey, EpochEntry.KeyLabel, vaultId, EpochEntry.Context(session, entry.Number)) is not { } key)
                return null;
            epochs[offset] = key;
            return key;
        }
    }

    /// <summary>The key of a new epoch, wrapped.</summary>
    public byte[] WrapEpoch(SecretBuffer epoch, uint number) => KeyWrap.Wrap(sessionKey, epoch, EpochEntry.KeyLabel, vaultId,
        EpochEntry.Context(session, number));

    /// <summary>K_lease itself, which is then the caller's. Null as for <see cref="Find"/>.</summary>
    public SecretBuffer? LeaseKey(ulong leaseId) => Find(leaseId) is null ? null : UnwrapKey(log.FindLease(session, leaseId)!);

    private SecretBuffer? UnwrapKey(LeaseEntry entry) => Epoch(entry.EpochOffset) is { } epoch
        ? KeyWrap.TryUnwrap(epoch, entry.WrappedKey, EpochEntry.LeaseKeyLabel, vaultId, EpochEntry.LeaseContext(session, entry.Term)) : null;

    private LeaseKeys? Unwrap(LeaseEntry entry)
    {
        using SecretBuffer? key = UnwrapKey(entry);
        if (key is null)
            return null;
        LeaseKeys keys = LeaseKeys.Derive(key, vaultId, (byte)vault.Suite);
        if (keys.LeaseId == entry.LeaseId)
            return keys;
        keys.Dispose();
        return null;
    }

    /// <summary>Zeroes all of them.</summary>
    public void Dispose()
    {
        foreach (LeaseKeys? keys in leases.Values)
            keys?.Dispose();
        foreach (SecretBuffer epoch in epochs.Values)
            epoch.Dispose();
        sessionKey.Dispose();
    }
}
