using System.Runtime.InteropServices;

namespace VmPod.HostGuard.Machine;

/// <summary>The socket and device calls that .NET does not have. Linux, 64-bit.</summary>
internal static unsafe partial class Interop
{
    private const string C = "libc";

    [StructLayout(LayoutKind.Sequential)]
    internal struct IoVec
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MsgHdr
    {
        public void* Name;
        public uint NameLength;
        public IoVec* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>struct cmsghdr with one descriptor behind it, padded to 8 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct DescriptorMessage
    {
        public nuint Length;
        public int Level;
        public int Type;
        public int Descriptor;
        public int Padding;
    }

    [LibraryImport(C, EntryPoint = "socketpair", SetLastError = true)]
    internal static partial int socketpair(int domain, int type, int protocol, int* pair);

    [LibraryImport(C, EntryPoint = "sendmsg", SetLastError = true)]
    internal static partial nint sendmsg(SafeHandle socket, MsgHdr* message, int flags);

    [LibraryImport(C, EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int ioctl(SafeHandle fd, nuint request, nint argument);

    [LibraryImport(C, EntryPoint = "geteuid")]
    internal static partial uint geteuid();

    [LibraryImport(C, EntryPoint = "getegid")]
    internal static partial uint getegid();

    [LibraryImport(C, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int folder, string path, int flags, uint mask, byte* status);
}
