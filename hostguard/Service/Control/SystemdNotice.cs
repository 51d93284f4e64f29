using System.Net.Sockets;
using System.Text;

namespace VmPod.HostGuard.Control;

/// <summary>Tells systemd how a long-running command is (sd_notify(3)); nothing where systemd did not start it.</summary>
internal static class SystemdNotice
{
    /// <summary>It does its work from now on.</summary>
    public static void Ready() => Send("READY=1");

    /// <summary>It was told to end.</summary>
    public static void Stopping() => Send("STOPPING=1");

    private static void Send(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 1 } path || path[0] is not ('/' or '@'))
            return;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            _ = socket.SendTo(Encoding.ASCII.GetBytes(state), new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path));
        }
        catch (SocketException)
        {
            // Nobody listens any more: what it would have said is of no use.
        }
    }
}
