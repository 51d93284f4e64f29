using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Testing;

/// <summary>Files opened past .NET's own checks: block devices, O_DIRECT, the memory of a process.</summary>
internal static unsafe partial class RawFile
{
    private const int O_CLOEXEC = 0x80000, O_DIRECT = 0x4000, O_NOFOLLOW = 0x20000, O_NONBLOCK = 0x800, EINVAL = 22;

    /// <summary>Opens for reading. A file system without O_DIRECT (tmpfs: its files are the page cache) is read without it.</summary>
    internal static SafeFileHandle OpenRead(string path, bool direct)
    {
        const int Flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;      // without waiting, should it be a pipe
        int fd = Open(path, Flags | (direct ? O_DIRECT : 0), 0);
        if (fd < 0 && direct && Marshal.GetLastPInvokeError() == EINVAL)
            fd = Open(path, Flags, 0);
        return fd < 0 ? throw Libc.Failure($"open of {path}") : new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>False for pipes.</summary>
    internal static bool CanSeek(SafeFileHandle file) => Lseek(file, 0, 1) >= 0;

    /// <summary>Reads memory of a process; 0 where it cannot be read (a page of a device, a mapping that went away).</summary>
    internal static int ReadMemory(SafeFileHandle memory, Span<byte> buffer, ulong address)
    {
        fixed (byte* p = buffer)
            return (int)Math.Max(0, Pread(memory, p, (nuint)buffer.Length, (long)address));
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Lseek(SafeFileHandle file, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static partial nint Pread(SafeFileHandle file, byte* buffer, nuint count, long offset);
}
