using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.HostGuard.Mount;

/// <summary>
/// One file of the mount, held open through the kernel from mount to unmount. It keeps a way for dirty pages to be written back after the
/// hypervisor has closed its own, and it is what fsync, cachestat and the wipe act on. Never used on a serving thread.
/// </summary>
internal sealed unsafe class HeldFile : IDisposable
{
    private const long CachestatNumber = 451;
    private readonly SafeFileHandle handle;

    internal HeldFile(string path, bool writable)
    {
        int fd = Interop.open(path, (writable ? Interop.O_RDWR : Interop.O_RDONLY) | Interop.O_CLOEXEC, 0);
        if (fd < 0)
            throw Libc.Failure("open of a file of the mount");
        handle = new SafeFileHandle(fd, ownsHandle: true);
    }

    internal void Sync() => Libc.Fsync(handle);

    internal void SyncData() => Libc.Fdatasync(handle);

    /// <summary>The page cache of a range; a length of 0 means to the end.</summary>
    internal CacheState CacheState(long offset, long length)
    {
        var range = new Interop.CacheRange { Offset = (ulong)offset, Length = (ulong)length };
        Interop.CacheCounts counts = default;
        if (Interop.cachestat(CachestatNumber, handle, &range, &counts, 0) != 0)
        {
            const int ENOSYS = 38;
            throw Marshal.GetLastPInvokeError() == ENOSYS
                ? new VmPodException(ExitCode.Missing, "This kernel cannot tell the state of its page cache.",
                    "Linux 6.5 or later has cachestat.")
                : Libc.Failure("cachestat");
        }
        return new CacheState((long)counts.Dirty, (long)counts.Writeback, (long)counts.Cached);
    }

    /// <summary>Drops clean pages that nobody maps.</summary>
    internal void DropCache()
    {
        int error = Interop.posix_fadvise(handle, 0, 0, Interop.POSIX_FADV_DONTNEED);
        if (error != 0)
            throw new IOException($"posix_fadvise failed (errno {error}).", error);
    }

    public void Dispose() => handle.Dispose();
}
