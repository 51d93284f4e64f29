namespace VmPod.HostGuard.Mount;

/// <summary>A file as the mount serves it: its inode, and whether it is being wiped.</summary>
internal sealed class MountEntry(MountedFile file, ulong inode)
{
    private volatile bool discarding;

    internal MountedFile File { get; } = file;

    internal ulong Inode { get; } = inode;

    /// <summary>Taken once at the start: an answer that disagrees with the kernel's idea of the size would be cut silently.</summary>
    internal long Size { get; } = file.Size;

    /// <summary>Once set, writes are dropped and reads are zeros; the source behind is not asked again. There is no way back.</summary>
    internal bool Discarding
    {
        get => discarding;
        set => discarding |= value;
    }

    internal uint OpenFlags => File.Kind switch
    {
        // Without KEEP_CACHE each further open would write back and drop all of guest RAM; without NOFLUSH each close would write it back.
        MountedFileKind.Memory => FuseWire.OpenKeepCache | FuseWire.OpenNoFlush,
        MountedFileKind.Disk => FuseWire.OpenDirectIo | FuseWire.OpenParallelDirectWrites,
        _ => FuseWire.OpenKeepCache,
    };
}
