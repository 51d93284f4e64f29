namespace VmPod.HostGuard.Mount;

/// <summary>What <see cref="FuseMount.ZeroCachedPages"/> did.</summary>
/// <param name="PagesCachedBefore">Pages of 4 KiB that held the file's content when it began.</param>
/// <param name="BytesZeroed">Bytes overwritten with zeros in the page cache; at least the pages above, at most twice as much.</param>
/// <param name="PagesCachedAfter">Pages still in memory: zeros that another process maps.</param>
public readonly record struct CacheWipe(long PagesCachedBefore, long BytesZeroed, long PagesCachedAfter);
