using System.Net;
using System.Net.Sockets;
using VmPod.Sync.Discovery.Links;

namespace VmPod.Sync.Discovery.Loop;

/// <summary>The sockets of one interface: one for IPv4, one for IPv6, each if the interface speaks it.</summary>
/// <remarks>
/// They are bound to the group and not to a wildcard: so no packet that is for this machine alone comes here, and none is taken from another responder of
/// this machine (avahi-daemon has the port too). Such a group is never routed, so what comes is from the link (RFC 6762, 11).
/// </remarks>
internal sealed class LinkSockets : IDisposable
{
    internal const int Port = 5353;
    private const int HopsMax = 255;
    private static readonly IPAddress Group4 = IPAddress.Parse("224.0.0.251"), Group6 = IPAddress.Parse("ff02::fb");
    private readonly Dictionary<AddressFamily, Socket> sockets = [];

    internal LinkSockets(NetworkLink link) => Link = link;

    /// <summary>The interface.</summary>
    internal NetworkLink Link { get; private set; }

    /// <summary>Those that there are.</summary>
    internal IEnumerable<Socket> All => sockets.Values;

    /// <summary>Opens and closes sockets as the interface has addresses. What cannot be opened is not there: the interface may be gone by now.</summary>
    internal void Follow(NetworkLink link)
    {
        Link = link;
        foreach (AddressFamily family in (ReadOnlySpan<AddressFamily>)[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            bool isThere = sockets.TryGetValue(family, out Socket? socket);
            if (isThere && !link.Speaks(family))
            {
                socket!.Dispose();
                _ = sockets.Remove(family);
            }
            else if (!isThere && link.Speaks(family) && TryOpen(family, link.Index) is { } opened)
                sockets[family] = opened;
        }
    }

    /// <summary>Sends to all, or to one.</summary>
    internal void Send(byte[] packet, IPEndPoint? to)
    {
        foreach ((AddressFamily family, Socket socket) in sockets)
        {
            if (to is not null && to.AddressFamily != family)
                continue;
            try
            {
                _ = socket.SendTo(packet, to ?? GroupOf(family, Link.Index));
            }
            catch (SocketException)
            {
                // The interface is going, or its queue is full: the protocol says everything again.
            }
        }
    }

    /// <summary>Closes them.</summary>
    public void Dispose()
    {
        foreach (Socket socket in sockets.Values)
            socket.Dispose();
        sockets.Clear();
    }

    private static IPEndPoint GroupOf(AddressFamily family, int link) => family == AddressFamily.InterNetwork ? new IPEndPoint(Group4, Port)
        : new IPEndPoint(new IPAddress(Group6.GetAddressBytes(), link), Port);

    private static Socket? TryOpen(AddressFamily family, int link)
    {
        const int IPPROTO_IP = 0, IP_MULTICAST_ALL = 49;
        var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            // .NET sets SO_REUSEPORT with it.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            if (family == AddressFamily.InterNetwork)
            {
                // Without this the kernel gives a socket what any other of this machine joined, on any interface.
                socket.SetRawSocketOption(IPPROTO_IP, IP_MULTICAST_ALL, new byte[sizeof(int)]);
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.HostToNetworkOrder(link));
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, HopsMax);
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.IpTimeToLive, HopsMax);
                socket.Bind(GroupOf(family, link));
                socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(Group4, link));
            }
            else
            {
                socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.IPv6Only, true);
                socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastInterface, link);
                socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastTimeToLive, HopsMax);
                // A link-local group binds the socket to its interface.
                socket.Bind(GroupOf(family, link));
                socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.AddMembership, new IPv6MulticastOption(Group6, link));
            }
            socket.Blocking = false;
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }
}
