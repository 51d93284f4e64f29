namespace VmPod.HostGuard.Mount;

/// <summary>Every bound of the mount, with its reason.</summary>
internal static class MountLimits
{
    /// <summary>Bytes of one read or write: what the kernel sends at most (256 pages, its default max_pages_limit).</summary>
    internal const int TransferBytesMax = 1 << 20;

    /// <summary>Room for the headers in front of a write's data; libfuse reserves the same page.</summary>
    internal const int HeaderBytes = 4096;

    /// <summary>Read-ahead and writeback requests that the kernel keeps in flight; enough for all serving threads, small enough that a
    /// leaving guest's queue drains fast.</summary>
    internal const int BackgroundRequestsMax = 64;

    /// <summary>Bytes of a name (NAME_MAX).</summary>
    internal const int NameBytesMax = 255;

    /// <summary>Each serving thread locks 2 MiB; 32 of them are a quarter of the mount's memory budget (256 MiB).</summary>
    internal const int ServingThreadsMax = 32;

    /// <summary>The page of the page cache. Hosts with larger base pages are not supported (the guest's page is 4 KiB).</summary>
    internal const int PageBytes = 4096;

    /// <summary>How long the kernel may keep names and attributes: they never change while mounted.</summary>
    internal const ulong AttributeSeconds = 365UL * 86400;

    /// <summary>How long Dispose waits for the serving threads after a plain unmount, before it aborts the connection: nothing but a second
    /// mount namespace that still holds the mount keeps them longer than a few milliseconds.</summary>
    internal static readonly TimeSpan QuietEnd = TimeSpan.FromMilliseconds(300);

    /// <summary>How long Dispose waits after the abort for calls that a <see cref="MountedFile"/> does not return from.</summary>
    internal static readonly TimeSpan ForcedEnd = TimeSpan.FromSeconds(5);
}
