using Microsoft.Extensions.Logging;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Homes;

namespace VmPod.HostGuard.Pods;

/// <summary>How a home host goes on reading from a pod that was restarted and is locked (rule 24): it asks for cells alone, and derives their keys from those
/// of leases, which the pod has for it under this host's own key.</summary>
/// <remarks>Of one lease. Thread-safe but for <see cref="Dispose"/>.</remarks>
internal sealed class HomeReading(Pairing pairing, SessionHandle session, ILogger log) : IDisposable
{
    private static readonly TimeSpan AskTime = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private volatile HomeLeaseKeys? keys;
    private WireLink? asked;
    private bool isDisposed;

    /// <summary>The keys, once they were fetched.</summary>
    public HomeLeaseKeys? Keys => keys;

    /// <summary>Sees to it that this host has its key, while the pod can give it. What fails is logged: it matters only when the pod is locked.</summary>
    public static void FetchKey(WireLink wire, Pairing pairing, ILogger log)
    {
        string folder = HostFolder.Pods();
        if (pairing.Role != HostRole.Home || HomeKeyFile.Exists(folder, pairing.Id))
            return;
        SecretBuffer? key = null;
        try
        {
            wire.GetHomeKey(bytes => key = SecretBuffer.Create(bytes.Length, bytes, static (to, from) => from.CopyTo(to)), AskTime);
            HomeKeyFile.Save(folder, pairing.Id, key!);
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
            log.LogInformation("This host has no key for the time when the pod is locked: {Reason}", e.Message);
        }
        finally
        {
            key?.Dispose();
        }
    }

    /// <summary>The keys, fetched over this link if they are not here. Null for a foreign host, and where the pod has none for this one.</summary>
    public HomeLeaseKeys? Fetch(WireLink wire)
    {
        if (keys is { } known || pairing.Role != HostRole.Home)
            return keys;
        lock (gate)
        {
            // Asked once over each link: a pod that has none is not asked at each read.
            if (keys is not null || isDisposed || ReferenceEquals(asked, wire))
                return keys;
            asked = wire;
            string folder = HostFolder.Pods();
            try
            {
                using SecretBuffer? key = HomeKeyFile.Load(folder, pairing.Id);
                if (key is null)
                    return null;
                IReadOnlyList<WrappedLeaseKey> wrapped = wire.Call(new LeaseKeysRequest { Session = session }, AskTime).Keys;
                HomeLeaseKeys opened = HomeLeaseKeys.Open(key, wire.Pod!.VaultId, pairing.Id, session, wrapped);
                if (opened.Count == 0)
                {
                    // The pod has another key for this host: an old copy of one of the two was put back. Gone, it is asked for at the next lease.
                    opened.Dispose();
                    HomeKeyFile.Remove(folder, pairing.Id);
                    log.LogWarning("The pod's keys for this host do not open with its key.");
                    return null;
                }
                log.LogInformation("The pod is locked; this home host reads on with its own keys of {Count} leases.", opened.Count);
                return keys = opened;
            }
            catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
            {
                log.LogInformation("The pod gave no keys of leases: {Reason}", e.Message);
                return null;
            }
        }
    }

    /// <summary>Derives the key of a cell, if that is of a lease whose key is here. False, and zero, else.</summary>
    /// <param name="cell">The cell, whole.</param>
    /// <param name="key">Gets the key, 32 bytes of locked memory.</param>
    public bool TryDeriveKey(ReadOnlySpan<byte> cell, Span<byte> key)
    {
        lock (gate)
            return keys?.TryDeriveRecordKey(cell, key) == true;
    }

    /// <summary>Zeroes the keys.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            isDisposed = true;
            keys?.Dispose();
            keys = null;
        }
    }
}
