using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VmPod.Foundation;

/// <summary>The libc calls themselves. Linux, 64-bit (x86-64 and arm64 share these constants). Use <see cref="Libc"/>.</summary>
internal static unsafe partial class Interop
{
    private const string C = "libc";

    internal const int EINTR = 4;
    internal const int EWOULDBLOCK = 11;
    internal const int ENOMEM = 12;

    [LibraryImport(C, EntryPoint = "fsync", SetLastError = true)]
    internal static partial int fsync(SafeFileHandle fd);

    [LibraryImport(C, EntryPoint = "fdatasync", SetLastError = true)]
    internal static partial int fdatasync(SafeFileHandle fd);

    [LibraryImport(C, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags, int mode);

    [LibraryImport(C, EntryPoint = "close", SetLastError = true)]
    internal static partial int close(int fd);

    [LibraryImport(C, EntryPoint = "flock", SetLastError = true)]
    internal static partial int flock(SafeFileHandle fd, int operation);

    [LibraryImport(C, EntryPoint = "fallocate", SetLastError = true)]
    internal static partial int fallocate(SafeFileHandle fd, int mode, long offset, long length);

    [LibraryImport(C, EntryPoint = "sync_file_range", SetLastError = true)]
    internal static partial int sync_file_range(SafeFileHandle fd, long offset, long length, uint flags);

    [LibraryImport(C, EntryPoint = "lseek", SetLastError = true)]
    internal static partial long lseek(SafeFileHandle fd, long offset, int whence);

    [LibraryImport(C, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int folder, string path, int flags, uint mask, byte* buffer);

    [LibraryImport(C, EntryPoint = "mmap", SetLastError = true)]
    internal static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport(C, EntryPoint = "munmap", SetLastError = true)]
    internal static partial int munmap(nint address, nuint length);

    [LibraryImport(C, EntryPoint = "mlock", SetLastError = true)]
    internal static partial int mlock(nint address, nuint length);

    [LibraryImport(C, EntryPoint = "madvise", SetLastError = true)]
    internal static partial int madvise(nint address, nuint length, int advice);

    [LibraryImport(C, EntryPoint = "prctl", SetLastError = true)]
    internal static partial int prctl(int option, nuint a2, nuint a3, nuint a4, nuint a5);

    [LibraryImport(C, EntryPoint = "setrlimit", SetLastError = true)]
    internal static partial int setrlimit(int resource, ulong* limit);

    [LibraryImport(C, EntryPoint = "clock_gettime", SetLastError = true)]
    internal static partial int clock_gettime(int clock, long* time);

    [LibraryImport(C, EntryPoint = "getrlimit", SetLastError = true)]
    internal static partial int getrlimit(int resource, ulong* limit);
}
