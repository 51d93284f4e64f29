namespace VmPod.HostGuard.Mount;

/// <summary>What a <see cref="FuseMount"/> may be told at its start.</summary>
public sealed record FuseMountOptions
{
    /// <summary>Threads that answer the kernel, 2 to 32. One of them is always kept free of reads, so that a link that is gone cannot keep
    /// writes and fsync waiting.</summary>
    public int ServingThreads { get; init; } = 4;

    /// <summary>The uid that owns the root folder (0700) and the files (0600, or 0400 if not writable). Unset: our own.</summary>
    public uint? OwnerUid { get; init; }

    /// <summary>The gid of the same. Unset: our own.</summary>
    public uint? OwnerGid { get; init; }

    /// <summary>The one uid besides our own that may open files and list the folder; any other gets EACCES. Unset: our own alone, and the
    /// kernel keeps all others out of the mount.</summary>
    public uint? AllowedUid { get; init; }

    /// <summary>Read-ahead of the whole mount in KiB, 0 to 1024. A guest's page faults are not sequential: with 4, what is read is what is
    /// touched. What the kernel made of it: <see cref="FuseMount.ReadAheadKiB"/>.</summary>
    public int MemoryReadAheadKiB { get; init; } = 4;

    /// <summary>The source shown in mount tables: letters, digits, '.', '_' and '-'. It is visible to everyone in the mount
    /// namespace.</summary>
    public string FsName { get; init; } = "vmpod";

    /// <summary>False only in the control of a test, which shows that a third uid gets in without the check at open.</summary>
    internal bool CheckUidAtOpen { get; init; } = true;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ServingThreads, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ServingThreads, MountLimits.ServingThreadsMax);
        ArgumentOutOfRangeException.ThrowIfNegative(MemoryReadAheadKiB);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MemoryReadAheadKiB, 1024);
        // The name becomes part of a comma-separated option string.
        if (FsName.Length is 0 or > 64 || !FsName.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
            throw new ArgumentException("FsName takes 1 to 64 letters, digits, '.', '_' and '-'.");
    }
}
