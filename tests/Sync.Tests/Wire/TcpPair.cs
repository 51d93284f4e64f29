using System.Net;
using System.Net.Sockets;

namespace VmPod.Sync.Tests.Wire;

/// <summary>Two ends of a real connection over loopback.</summary>
internal sealed class TcpPair : IDisposable
{
    internal TcpPair()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        HostSocket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        HostSocket.Connect(listener.LocalEndpoint);
        PodSocket = listener.AcceptSocket();
        PodSocket.NoDelay = true;
        Host = new NetworkStream(HostSocket, ownsSocket: true);
        Pod = new NetworkStream(PodSocket, ownsSocket: true);
    }

    internal Socket HostSocket { get; }

    internal Socket PodSocket { get; }

    internal NetworkStream Host { get; }

    internal NetworkStream Pod { get; }

    public void Dispose()
    {
        Host.Dispose();
        Pod.Dispose();
    }
}
