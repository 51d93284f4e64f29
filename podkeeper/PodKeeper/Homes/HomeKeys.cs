using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Serving;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Vault.Format;

namespace VmPod.PodKeeper.Homes;

/// <summary>Keys for home hosts (rule 24): made and wrapped while the pod is unlocked, given out wrapped while it is locked. Each step is in the log before
/// it is done (rule 19).</summary>
internal sealed class HomeKeys(Pod pod, Action<ServerNote> note)
{
    private const int KeyBytes = 32;
    private readonly HomeKeyFolder folder = new(pod.Vault.Folder);

    // One key for a host, and one writer for a file.
    private readonly Lock gate = new();

    /// <summary>Stores the keys of a session's leases for the home host that has one of them. The lease does not depend on it: what fails is noted.</summary>
    /// <remarks>Nothing for a foreign host, while the pod is locked, and where all of them are stored.</remarks>
    internal void Store(ServedLease lease)
    {
        if (lease.Host.Role != HostRole.Home || !lease.IsOpen || !pod.Vault.IsUnlocked)
            return;
        try
        {
            lock (gate)
                StoreMissing(lease);
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
            note(new ServerNote("The keys of a home host were not stored: locked, this pod cannot serve it.", Why: e.Message));
        }
    }

    /// <summary>The key of a home host, to be handed to it: only while the pod is unlocked and the host has a lease. It is the caller's.</summary>
    /// <exception cref="VmPodException">A foreign host, no lease, locked (4), the log cannot be written (5, 6, 8).</exception>
    internal SecretBuffer Give(ServedLease lease)
    {
        MustBeHome(lease);
        if (!pod.Vault.IsUnlocked)
            throw PodFaults.IsLocked();
        lock (gate)
        {
            SecretBuffer key = Find(lease.Host) ?? throw new VmPodException(ExitCode.Refused, "The pod has no key for this host.", "Open the lease again.");
            try
            {
                pod.Audit.Append(Entry(lease, AuditKind.HomeKeyGiven, AuditOutcome.Ok));
                return key;
            }
            catch
            {
                key.Dispose();
                throw;
            }
        }
    }

    /// <summary>The wrapped keys of a session's leases, to be handed to the home host that has one of them, locked or not.</summary>
    /// <exception cref="VmPodException">A foreign host, no lease, another session (4), the log cannot be written (5, 6, 8).</exception>
    internal IReadOnlyList<WrappedLeaseKey> Serve(ServedLease lease, SessionHandle session)
    {
        MustBeHome(lease);
        if (lease.Session != session)
            throw new VmPodException(ExitCode.Refused, "This link has no lease of that session.");
        IReadOnlyList<WrappedLeaseKey> keys = folder.ReadLeases(lease.Host.PairingId, session);
        if (keys.Count == 0)
            throw new VmPodException(ExitCode.Refused, "The pod has no keys of this session for this host.", "Unlock the pod: podkeeper unlock DIR.");
        AuditEvent served = Entry(lease, AuditKind.HomeKeysServed, AuditOutcome.Ok);
        served.Detail["lease-keys"] = keys.Count;
        pod.Audit.Append(served);
        return keys;
    }

    private void StoreMissing(ServedLease lease)
    {
        ServedHost host = lease.Host;
        SecretBuffer? found = Find(host);
        using SecretBuffer key = found ?? SecretBuffer.Random(KeyBytes);
        IReadOnlyList<WrappedLeaseKey> known = found is null ? [] : folder.ReadLeases(host.PairingId, lease.Session);
        IReadOnlyList<WrappedLeaseKey> keys = pod.Vault.WrapLeaseKeys(key, host.PairingId, lease.Session, known);
        if (found is not null && keys.Select(k => k.LeaseId).SequenceEqual(known.Select(k => k.LeaseId)))
            return;
        AuditEvent stored = Entry(lease, AuditKind.HomeKeysStored, AuditOutcome.Intent);
        stored.Detail["lease-keys"] = keys.Count;
        stored.Detail["home-key"] = found is null ? "new" : "known";
        pod.Audit.Append(stored);
        if ((found is null && !folder.SaveKey(host.PairingId, pod.Vault.WrapHomeKey(key, host.PairingId)))
            || !folder.SaveLeases(host.PairingId, lease.Session, keys))
            throw new VmPodException(ExitCode.Refused, "Its pairing was removed.");
    }

    // One that does not open, after an old copy was put back or by damage, is as good as none.
    private SecretBuffer? Find(ServedHost host) => folder.ReadKey(host.PairingId) is { } wrapped ? pod.Vault.UnwrapHomeKey(wrapped, host.PairingId) : null;

    private static void MustBeHome(ServedLease lease)
    {
        if (lease.Host.Role != HostRole.Home)
            throw new VmPodException(ExitCode.Refused, "This host is paired as a foreign one: it gets no keys of leases.",
                "Pair it as home, if it is trusted with all its sessions: podkeeper pair DIR --role home.");
        if (lease.IsDropped || !lease.IsOpen || lease.IsExpired)
            throw PodFaults.NoLease();
    }

    private static AuditEvent Entry(ServedLease lease, AuditKind kind, AuditOutcome outcome)
    {
        AuditEvent entry = lease.Event(kind, outcome);
        entry.Detail["pairing"] = lease.Host.Pairing;
        return entry;
    }
}
