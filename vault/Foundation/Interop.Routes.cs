using System.Runtime.InteropServices;

namespace VmPod.Foundation;

internal static unsafe partial class Interop
{
    /// <summary>struct sockaddr_nl.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct NetlinkAddress
    {
        public ushort Family;
        public ushort Padding;
        public uint Port;
        public uint Groups;
    }

    [LibraryImport(C, EntryPoint = "socket", SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    [LibraryImport(C, EntryPoint = "bind", SetLastError = true)]
    internal static partial int bind(SafeHandle socket, NetlinkAddress* address, uint length);
}
