namespace VmPod.HostGuard.Mount;

/// <summary>The page cache of one file of the mount, in pages of 4 KiB (cachestat(2)).</summary>
/// <param name="DirtyPages">Pages written by a mapping and not yet sent to the mount.</param>
/// <param name="WritebackPages">Pages being sent to the mount.</param>
/// <param name="CachedPages">Pages in memory, the dirty ones included.</param>
public readonly record struct CacheState(long DirtyPages, long WritebackPages, long CachedPages);
