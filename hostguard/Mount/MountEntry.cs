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

    /// <summary>FOPEN_ flags of each open.</summary>
    /// <remarks>
    /// KEEP_CACHE: without it each further open would write back and drop all of guest RAM.
    /// NOFLUSH: close(2) sends nothing. A close that waited for us would write back all of guest RAM each time, make a dying hypervisor
    /// wait for the pod, and, worst, hang this process for ever when it is killed: the kernel closes our held descriptors, and waits for
    /// the answer, before it lets go of the connection. Nothing is lost by it: writes go through to us at once, and a mapping is written
    /// back when it ends.
    /// </remarks>
    internal uint OpenFlags => FuseWire.OpenNoFlush | (File.Kind == MountedFileKind.Disk
        ? FuseWire.OpenDirectIo | FuseWire.OpenParallelDirectWrites
        : FuseWire.OpenKeepCache);
}
