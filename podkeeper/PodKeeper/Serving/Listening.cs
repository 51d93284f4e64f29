using System.Net;
using System.Net.Sockets;
using VmPod.Foundation;

namespace VmPod.PodKeeper.Serving;

/// <summary>Opens a port.</summary>
internal static class Listening
{
    private const int Backlog = 32;

    /// <summary>Listens; IPv6's wildcard takes IPv4 too.</summary>
    /// <exception cref="VmPodException">The address is taken (6), not of this machine (2), or not for this user (4).</exception>
    internal static Socket Open(IPEndPoint at)
    {
        var socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (at.Address.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(at);
            socket.Listen(Backlog);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw e.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => new VmPodException(ExitCode.Busy, $"Another program listens at {at}.",
                    "Choose another port: --listen A:P.", e),
                SocketError.AccessDenied => new VmPodException(ExitCode.Refused, $"This user may not listen at {at}.", "Choose a port above 1023.", e),
                _ => new VmPodException(ExitCode.Usage, $"{at} is no address of this machine.", "Choose another: --listen A:P.", e),
            };
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
