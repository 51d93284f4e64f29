using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VmPod.HostGuard.Mount;

/// <summary>System calls around the mount. Constants are those that x86-64 and arm64 share.</summary>
internal static unsafe partial class Interop
{
    private const string C = "libc";

    internal const int EPERM = 1;
    internal const int ENOENT = 2;
    internal const int EINTR = 4;
    internal const int EIO = 5;
    internal const int EAGAIN = 11;
    internal const int EACCES = 13;
    internal const int EBUSY = 16;
    internal const int ENODEV = 19;
    internal const int ENOTDIR = 20;
    internal const int EINVAL = 22;
    internal const int EFBIG = 27;
    internal const int EROFS = 30;
    internal const int EOPNOTSUPP = 95;
    internal const int O_ACCMODE = 3;
    internal const int O_RDONLY = 0;
    internal const int O_RDWR = 2;
    internal const int O_CLOEXEC = 0x80000;
    internal const int MNT_FORCE = 1;
    internal const int MNT_DETACH = 2;
    internal const int UMOUNT_NOFOLLOW = 8;
    internal const int CLONE_NEWNS = 0x20000;
    internal const ulong MS_REC = 0x4000;
    internal const ulong MS_SLAVE = 0x80000;
    internal const int POSIX_FADV_DONTNEED = 4;

    [LibraryImport(C, SetLastError = true)]
    internal static partial nint read(int fd, byte* buffer, nuint length);

    [LibraryImport(C, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags, int mode);

    /// <summary>Returns the errno; does not set it.</summary>
    [LibraryImport(C, EntryPoint = "posix_fadvise64")]
    internal static partial int posix_fadvise(SafeFileHandle fd, long offset, long length, int advice);

    [LibraryImport(C, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string source, string target, string? type, ulong flags, nint data);

    [LibraryImport(C, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int umount2(string target, int flags);

    [LibraryImport(C, SetLastError = true)]
    internal static partial int unshare(int flags);

    [LibraryImport(C, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int execv(string path, byte** arguments);

    [LibraryImport(C)]
    internal static partial int getppid();

    [LibraryImport(C)]
    internal static partial uint geteuid();

    [LibraryImport(C)]
    internal static partial uint getegid();

    [LibraryImport(C, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int folder, string path, int flags, uint mask, byte* result);

    /// <summary>cachestat(2) has no wrapper in glibc 2.36; its number is 451 on every machine.</summary>
    [LibraryImport(C, EntryPoint = "syscall", SetLastError = true)]
    internal static partial long cachestat(long number, SafeFileHandle fd, CacheRange* range, CacheCounts* result, uint flags);

    /// <summary>struct cachestat_range.</summary>
    internal struct CacheRange
    {
        internal ulong Offset;
        internal ulong Length;
    }

    /// <summary>struct cachestat, in pages.</summary>
    internal struct CacheCounts
    {
        internal ulong Cached;
        internal ulong Dirty;
        internal ulong Writeback;
        internal ulong Evicted;
        internal ulong RecentlyEvicted;
    }
}
