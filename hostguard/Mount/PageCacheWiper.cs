using System.Runtime.InteropServices;

namespace VmPod.HostGuard.Mount;

/// <summary>
/// Overwrites what the page cache holds of a file with zeros: freed page cache keeps its content until somebody reuses it (CONFIG_INIT_ON_FREE is
/// off in common kernels), so dropping it is not enough. We never map our own mount, so pages are found by cachestat, window by window, and
/// written with pwrite. What is not in memory is left alone: writing it would make room by evicting pages that are not zeroed yet.
/// </summary>
internal sealed unsafe class PageCacheWiper(HeldFile file, IProgress<long>? progress)
{
    /// <summary>Windows of the search, coarse to fine; a write covers at most one of the second size.</summary>
    private static readonly long[] Windows = [1L << 30, MountLimits.TransferBytesMax, 64 * 1024, MountLimits.PageBytes];

    private byte* zeros;
    private long bytesZeroed;

    internal CacheWipe Run()
    {
        long before = file.CacheState(0, 0).CachedPages;
        zeros = (byte*)NativeMemory.AllocZeroed(MountLimits.TransferBytesMax);
        try
        {
            Wipe(0, file.Size, level: 0);
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
            // Half full is written whole: one request in place of many, for at most as many new pages as there were.
            if (length <= MountLimits.TransferBytesMax && cached * 2 >= pages)
            {
                file.Write(zeros, length, at);
                bytesZeroed += length;
                progress?.Report(bytesZeroed);
            }
            else
            {
                Wipe(at, at + length, level + 1);
            }
        }
    }
}
