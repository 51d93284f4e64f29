using System.Net;
using System.Net.Sockets;

namespace VmPod.Sync.Tests.Channel;

/// <summary>Two ends of one TCP connection of this machine.</summary>
internal static class Loopback
{
    internal static (Socket Client, Socket Server) Pair()
    {
        using Socket listener = Listen();
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint!);
        return (client, listener.Accept());
    }

    internal static Socket Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        return listener;
    }
}
