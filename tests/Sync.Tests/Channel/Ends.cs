using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.Sync.Tests.Channel;

/// <summary>Host and pod of one connection, and how each of them ended.</summary>
internal sealed class Ends : IDisposable
{
    internal SecureChannel Host { get; private init; } = null!;

    internal SecureChannel Pod { get; private init; } = null!;

    public void Dispose()
    {
        Host.Dispose();
        Pod.Dispose();
    }

    internal static Pairing NewPairing(byte fill = 7, byte id = 1, HostRole role = HostRole.Home) =>
        new(id, SecretBuffer.Create(32, bytes => bytes.Fill(fill)), role, "peer", DateTimeOffset.UnixEpoch);

    internal static Ends Connect(ChannelOptions? host = null, ChannelOptions? pod = null)
    {
        using Pairing pairing = NewPairing();
        (Socket client, Socket server) = Loopback.Pair();
        Task<SecureChannel> accepted = Task.Run(() => SecureChannel.Accept(server, [pairing], pod));
        return new Ends { Host = SecureChannel.Connect(client, pairing, host), Pod = accepted.GetAwaiter().GetResult() };
    }

    /// <summary>Runs both sides to their ends: null for a channel, else the error.</summary>
    internal static async Task<(VmPodException? Host, VmPodException? Pod)> Outcome(Func<SecureChannel> host, Func<SecureChannel> pod)
    {
        Task<VmPodException?> other = Task.Run(() => End(pod));
        VmPodException? own = await Task.Run(() => End(host));
        return (own, await other);
    }

    internal static VmPodException? End(Func<SecureChannel> side)
    {
        try
        {
            using SecureChannel channel = side();
            return null;
        }
        catch (VmPodException e)
        {
            return e;
        }
    }
}
