using System.Globalization;
using System.Net;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;

namespace VmPod.HostGuard.Pods;

/// <summary>One connection to a paired pod: channel, link, and the locked memory that frames pass through. Owns them.</summary>
internal sealed class PodLink : IDisposable
{
    // A host acts after 1 s of silence; a link that is silent for longer than this is given up, and connecting begins anew.
    private static readonly TimeSpan SilenceTime = TimeSpan.FromSeconds(3);

    private readonly SecureChannel channel;
    private readonly LockedMemoryOwner receive, send;

    private PodLink(SecureChannel channel, LockedMemoryOwner receive, LockedMemoryOwner send, WireLink wire)
    {
        this.channel = channel;
        this.receive = receive;
        this.send = send;
        Wire = wire;
    }

    /// <summary>The link.</summary>
    public WireLink Wire { get; }

    /// <summary>Connects, and checks that it is the pod that was met before.</summary>
    /// <param name="address">Where.</param>
    /// <param name="pairing">With which key.</param>
    /// <param name="known">What was pinned; the result has what was learned.</param>
    /// <param name="bootId">This boot of this host.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancel">Gives up while connecting.</param>
    /// <exception cref="VmPodException">Not reached (7), refused, or another vault or an older one than before (4).</exception>
    public static (PodLink Link, KnownPod Known) Connect(EndPoint address, Pairing pairing, KnownPod known, UInt128 bootId, TimeProvider time,
        CancellationToken cancel)
    {
        SecureChannel channel = SecureChannel.Connect(address, pairing, cancel: cancel);
        LockedMemoryOwner? receive = null, send = null;
        WireLink? wire = null;
        try
        {
            receive = new LockedMemoryOwner(WireLimits.HostReceiveBytes);
            send = new LockedMemoryOwner(WireLimits.SendBytes);
            var hello = new HostHello { BootId = bootId, TimeMs = (ulong)time.GetUtcNow().ToUnixTimeMilliseconds(), DisplayName = Environment.MachineName };
            wire = WireLink.Connect(channel.Stream, hello, new WireOptions
            {
                ReceiveMemory = receive.Memory,
                SendMemory = send.Memory,
                Cut = channel.Abort,
                Time = time,
                SilenceTime = SilenceTime,
                BulkBytesPerSecond = LinkPolicy.Load().BytesPerSecond,
            });
            return (new PodLink(channel, receive, send, wire), Check(known, wire.Pod!));
        }
        catch
        {
            wire?.Dispose();
            channel.Dispose();
            ((IDisposable?)receive)?.Dispose();
            ((IDisposable?)send)?.Dispose();
            throw;
        }
    }

    /// <summary>Cuts it at once: whoever waits is woken.</summary>
    public void Abort() => channel.Abort();

    /// <summary>Ends it; wakes whoever waits.</summary>
    public void Dispose()
    {
        Wire.Dispose();
        channel.Dispose();
        ((IDisposable)receive).Dispose();
        ((IDisposable)send).Dispose();
    }

    // First meeting: trusted, since the pairing is. From then on vault and owner are the same, and the head never goes back.
    private static KnownPod Check(KnownPod known, PodHello pod)
    {
        string vault = pod.VaultId.ToString("x32", CultureInfo.InvariantCulture), owner = Convert.ToHexStringLower(pod.OwnerPublicKey.Span);
        if (known.Vault.Length > 0 && known.Vault != vault)
            throw new VmPodException(ExitCode.Refused, "The pod has another vault than when it was last met.",
                "If that is right, pair again: hostguard unpair, then hostguard pair.");
        if (pod.IsUnlocked && known.OwnerKey.Length > 0 && known.OwnerKey != owner)
            throw new VmPodException(ExitCode.Refused, "The pod's owner key is another one than when it was last met.", "Do not use this pod.");
        if (pod.HeadSeq < known.HeadSeq || (pod.HeadSeq == known.HeadSeq && known.HeadHash.Length > 0 && known.HeadHash != pod.HeadHash.ToString()))
            throw new VmPodException(ExitCode.Refused,
                $"The pod's vault is older than when this host last met it (head {pod.HeadSeq}, seen {known.HeadSeq}): it was rolled back, or forked.",
                "Look at the pod: podkeeper audit verify. If an older copy was restored on purpose, pair again.");
        return known with
        {
            Vault = vault,
            OwnerKey = pod.IsUnlocked ? owner : known.OwnerKey,
            HeadSeq = pod.HeadSeq,
            HeadHash = pod.HeadHash.ToString(),
        };
    }
}
