using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Tests.Channel;

namespace VmPod.Sync.Tests.Pairings;

/// <summary>One attempt at a desk, over TCP, both sides.</summary>
internal static class Desk
{
    internal static bool Yes(int digits, CancellationToken timeUp) => true;

    internal static bool No(int digits, CancellationToken timeUp) => false;

    internal static PairingCode Other()
    {
        using PairingDesk other = PairingDesk.ByCode(HostRole.Home, "other", "", new TestLog());
        using VmPod.Secrets.SecretBuffer text = other.Code!.ToText();
        return PairingCode.TryRead(text.ReadOnlyBytes, out PairingCode? code) ? code! : throw new InvalidDataException("A code does not read.");
    }

    internal static async Task<(Pairing? Host, Pairing? Pod, Exception? HostError, Exception? PodError)> Attempt(PairingDesk desk, Func<Socket, Pairing> host,
        (Socket Host, Socket Pod)? link = null)
    {
        (Socket near, Socket far) = link ?? Loopback.Pair();
        Task<(Pairing?, Exception?)> pod = Task.Run(() => Try(() => desk.Accept(far)));
        (Pairing? own, Exception? ownError) = await Task.Run(() => Try(() => host(near)));
        (Pairing? other, Exception? otherError) = await pod;
        return (own, other, ownError, otherError);
    }

    internal static ExitCode? Code(Exception? e) => (e as VmPodException)?.ExitCode;

    private static (Pairing?, Exception?) Try(Func<Pairing> side)
    {
        try
        {
            return (side(), null);
        }
        catch (Exception e) when (e is VmPodException or IOException)
        {
            return (null, e);
        }
    }
}
