using Microsoft.Win32.SafeHandles;

namespace VmPod.Foundation.Processes;

/// <summary>
/// A file that exists in memory only (memfd_create(2)), of a size that the kernel itself does not let anybody exceed (F_SEAL_GROW): what a
/// child process writes into it can be neither on a disk nor without bound.
/// </summary>
public static class MemoryFile
{
    /// <summary>Creates a file of <paramref name="bytesMax"/> bytes of zeros; pages take memory only once written.</summary>
    /// <param name="name">Shown in /proc only. No secret.</param>
    /// <param name="bytesMax">The size; a write beyond it fails with EPERM, in whichever process.</param>
    /// <exception cref="IOException">The kernel has no memory files, or no room.</exception>
    public static SafeFileHandle Create(string name, long bytesMax)
    {
        const uint MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2;
        const int F_ADD_SEALS = 1033, F_SEAL_GROW = 4;
        int fd = Interop.memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
            throw Libc.Failure("memfd_create");
        var handle = new SafeFileHandle(fd, ownsHandle: true);
        if (Interop.ftruncate(handle, bytesMax) != 0 || Interop.fcntl(handle, F_ADD_SEALS, F_SEAL_GROW) != 0)
        {
            IOException failure = Libc.Failure("memfd");
            handle.Dispose();
            throw failure;
        }
        return handle;
    }

    /// <summary>The position up to which the sharers of this open file have read or written it.</summary>
    public static long Position(SafeFileHandle file)
    {
        const int SEEK_CUR = 1;
        long position = Interop.lseek(file, 0, SEEK_CUR);
        return position < 0 ? throw Libc.Failure("lseek") : position;
    }

    /// <summary>Moves that shared position.</summary>
    public static void Seek(SafeFileHandle file, long position)
    {
        const int SEEK_SET = 0;
        if (Interop.lseek(file, position, SEEK_SET) < 0)
            throw Libc.Failure("lseek");
    }

    /// <summary>Shortens the file; its memory beyond goes back to the kernel. (It cannot grow again.)</summary>
    public static void Shrink(SafeFileHandle file, long length)
    {
        if (Interop.ftruncate(file, length) != 0)
            throw Libc.Failure("ftruncate");
    }
}
