using System.Runtime.InteropServices;

namespace VmPod.HostGuard.Mount;

/// <summary>
/// The part of libfuse3's low-level API that the mount uses (fuse_lowlevel.h, ABI of libfuse3.so.3, checked against 3.14).
/// </summary>
/// <remarks>
/// Answers are the kernel's own structures (linux/fuse.h, see <see cref="FuseWire"/>) sent by fuse_reply_buf, not libfuse's: the kernel's
/// are alike on all 64-bit machines, while libfuse's hold glibc's struct stat and C bit-fields, and 3.14 has no bit for parallel direct
/// writes. None of these calls may suppress the GC transition: each can wait for the kernel, or call back into managed code.
/// </remarks>
internal static unsafe partial class Interop
{
    private const string Fuse = "libfuse3.so.3";

    /// <summary>Slots of struct fuse_lowlevel_ops up to lseek; libfuse takes the size and leaves later slots empty.</summary>
    internal const int OperationSlots = 44;

    [LibraryImport(Fuse)]
    internal static partial nint fuse_session_new(FuseArguments* arguments, nint* operations, nuint operationsBytes, nint userData);

    [LibraryImport(Fuse, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int fuse_session_mount(nint session, string mountPoint);

    [LibraryImport(Fuse)]
    internal static partial int fuse_session_fd(nint session);

    [LibraryImport(Fuse)]
    internal static partial void fuse_session_process_buf(nint session, FuseBuffer* buffer);

    [LibraryImport(Fuse)]
    internal static partial void fuse_session_unmount(nint session);

    [LibraryImport(Fuse)]
    internal static partial void fuse_session_destroy(nint session);

    [LibraryImport(Fuse)]
    internal static partial FuseContext* fuse_req_ctx(nint request);

    [LibraryImport(Fuse)]
    internal static partial int fuse_reply_err(nint request, int errno);

    [LibraryImport(Fuse)]
    internal static partial int fuse_reply_buf(nint request, byte* data, nuint length);

    [LibraryImport(Fuse)]
    internal static partial int fuse_reply_write(nint request, nuint count);

    /// <summary>Puts data into the kernel's page cache of a file, without a request. Returns 0 or a negative errno.</summary>
    [LibraryImport(Fuse)]
    internal static partial int fuse_lowlevel_notify_store(nint session, ulong inode, long offset, FuseBufferVector* data, int flags);

    /// <summary>struct fuse_args.</summary>
    internal struct FuseArguments
    {
        internal int Count;
        internal byte** Values;
        internal int Allocated;
    }

    /// <summary>struct fuse_buf, with room for the field that libfuse 3.17 added behind it.</summary>
    internal struct FuseBuffer
    {
        internal nuint Size;
        internal int Flags;
        internal byte* Memory;
        internal int Descriptor;
        internal long Position;
        internal nuint MemorySize;
    }

    /// <summary>struct fuse_bufvec of one buffer.</summary>
    internal struct FuseBufferVector
    {
        internal nuint Count;
        internal nuint Index;
        internal nuint Offset;
        internal FuseBuffer Buffer;
    }

    /// <summary>struct fuse_ctx: who asks.</summary>
    internal struct FuseContext
    {
        internal uint Uid;
        internal uint Gid;
        internal int ThreadId;
        internal uint Umask;
    }

    /// <summary>The head of struct fuse_conn_info; libfuse owns it, only these fields are touched.</summary>
    internal struct FuseConnection
    {
        internal uint ProtocolMajor;
        internal uint ProtocolMinor;
        internal uint MaxWrite;
        internal uint MaxRead;
        internal uint MaxReadAhead;
        internal uint Capable;
        internal uint Want;
        internal uint MaxBackground;
        internal uint CongestionThreshold;
    }
}
