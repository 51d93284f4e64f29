using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace VmPod.Foundation;

/// <summary>Sockets to the kernel's table of network interfaces (rtnetlink(7)), which .NET cannot name.</summary>
public static class RouteSocket
{
    /// <summary>Bits of the groups: interfaces, their IPv4 and their IPv6 addresses.</summary>
    public const uint Links = 0x1, IPv4Addresses = 0x10, IPv6Addresses = 0x100;

    /// <summary>Opens one, in the network namespace of the calling thread.</summary>
    /// <param name="groups">What it is told of; 0 for one that only asks.</param>
    /// <exception cref="IOException">The kernel refuses.</exception>
    public static unsafe Socket Open(uint groups)
    {
        const int AF_NETLINK = 16, SOCK_RAW = 3, SOCK_CLOEXEC = 0x80000, NETLINK_ROUTE = 0;
        int descriptor = Interop.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (descriptor < 0)
            throw new IOException($"socket failed: {Marshal.GetLastPInvokeErrorMessage()}");
        var handle = new SafeSocketHandle(descriptor, ownsHandle: true);
        var address = new Interop.NetlinkAddress { Family = AF_NETLINK, Groups = groups };
        if (Interop.bind(handle, &address, (uint)sizeof(Interop.NetlinkAddress)) == 0)
            return new Socket(handle);
        string why = Marshal.GetLastPInvokeErrorMessage();
        handle.Dispose();
        throw new IOException($"bind failed: {why}");
    }
}
