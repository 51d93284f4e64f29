using System.Runtime.InteropServices;

namespace VmPod.HostGuard.Mount;

/// <summary>
/// Overwrites what the page cache holds of a file with zeros: freed page cache keeps its content until somebody reuses it
/// (CONFIG_INIT_ON_FREE is off in common kernels), so dropping it is not enough. We never map our own mount, so pages are found by
/// cachestat, window by window. The zeros go straight into the cache (FUSE_NOTIFY_STORE): one copy where pwrite(2) costs two and a
/// request, and no serving thread is needed. What is not in memory is left alone: storing it would make room by evicting pages that are
/// not zeroed yet.
/// </summary>
internal sealed unsafe class PageCacheWiper(nint session, MountEntry entry, HeldFile file, IProgress<long>? progress)
{
    /// <summary>Windows of the search, coarse to fine; a store covers at most one of the second size.</summary>
    private static readonly long[] Windows = [1L << 30, MountLimits.TransferBytesMax, 64 * 1024, MountLimits.PageBytes];

    private byte* zeros;
    private long bytesZeroed;

    internal CacheWipe Run()
    {
        long before = file.CacheState(0, 0).CachedPages;
        zeros = (byte*)NativeMemory.AllocZeroed(MountLimits.TransferBytesMax);
        try
        {
            Wipe(0, entry.Size, level: 0);
        }
        finally
        {
            NativeMemory.Free(zeros);
        }
        // Pages that a mapping had left dirty are written back now, as zeros, and dropped by the mount.
        file.SyncData();
        file.DropCache();
        return new CacheWipe(before, bytesZeroed, file.CacheState(0, 0).CachedPages);
    }

    private void Wipe(long start, long end, int level)
    {
        for (long at = start; at < end; at += Windows[level])
        {
            long length = Math.Min(Windows[level], end - at);
            long cached = file.CacheState(at, length).CachedPages;
            if (cached == 0)
                continue;
            long pages = (length + MountLimits.PageBytes - 1) / MountLimits.PageBytes;
            // Half full is stored whole: one call in place of many, for at most as many new pages as there were.
            if (length <= MountLimits.TransferBytesMax && cached * 2 >= pages)
            {
                Store(at, length);
                bytesZeroed += length;
                progress?.Report(bytesZeroed);
            }
            else
            {
                Wipe(at, at + length, level + 1);
            }
        }
    }

    private void Store(long at, long length)
    {
        var data = new Interop.FuseBufferVector
        {
            Count = 1,
            Buffer = new Interop.FuseBuffer { Size = (nuint)length, Memory = zeros, MemorySize = (nuint)length },
        };
        int result = Interop.fuse_lowlevel_notify_store(session, entry.Inode, at, &data, 0);
        if (result != 0)
            throw new IOException($"Zeros could not be put into the page cache (errno {-result}).", -result);
    }
}
