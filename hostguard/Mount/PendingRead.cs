namespace VmPod.HostGuard.Mount;

/// <summary>A READ of the kernel that is not answered yet. <paramref name="Request"/> is libfuse's, valid until it is answered,
/// once.</summary>
internal readonly record struct PendingRead(nint Request, ulong Inode, nuint Length, long Offset);
