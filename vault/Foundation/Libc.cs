using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VmPod.Foundation;

/// <summary>
/// The file and memory calls that .NET hides errors of, or does not have. Every failure is an <see cref="IOException"/> that names the
/// call.
/// </summary>
/// <remarks>
/// .NET 10.0 on Linux reports success when fsync(2) fails (its native shim returns 1 where the caller tests for less than 0), so
/// durability goes
/// through here and nowhere else; threatmodel/BannedSymbols.txt enforces it, and a test injects the failure.
/// </remarks>
public static class Libc
{
    private const int O_RDONLY = 0;
    private const int O_CLOEXEC = 0x80000;
    private const int EFBIG = 27;
    private const int FallocKeepSize = 1;
    private const int FallocPunchHole = 2;

    /// <summary>Time since the machine was booted, sleep included (CLOCK_BOOTTIME): what a lease is timed by, since a laptop that slept has aged.</summary>
    public static unsafe TimeSpan BootTime()
    {
        const int CLOCK_BOOTTIME = 7, NanosecondsPerTick = 100;
        long* time = stackalloc long[2];
        return Interop.clock_gettime(CLOCK_BOOTTIME, time) == 0
            ? new TimeSpan(time[0] * TimeSpan.TicksPerSecond + time[1] / NanosecondsPerTick) : throw Failure("clock_gettime");
    }

    /// <summary>Makes the data and size of an open file durable (fdatasync(2)).</summary>
    /// <exception cref="IOException">The kernel reported an error. The data must be taken as lost: never retry as if nothing
    /// happened.</exception>
    public static void Fdatasync(SafeFileHandle file) => Check(() => Interop.fdatasync(file), "fdatasync");

    /// <summary>Makes data and metadata of an open file durable (fsync(2)).</summary>
    /// <exception cref="IOException">As for <see cref="Fdatasync"/>.</exception>
    public static void Fsync(SafeFileHandle file) => Check(() => Interop.fsync(file), "fsync");

    /// <summary>
    /// Starts writing a range of a file to the disk and does not wait (sync_file_range(2), SYNC_FILE_RANGE_WRITE), so that an fsync that comes later finds
    /// most of it done. Promises nothing: only the fsync does, and it reports every error, also of what was started here.
    /// </summary>
    public static void BeginWriteback(SafeFileHandle file, long offset, long length)
    {
        const uint SYNC_FILE_RANGE_WRITE = 2;
        _ = Interop.sync_file_range(file, offset, length, SYNC_FILE_RANGE_WRITE);
    }

    /// <summary>Makes the entries of a folder durable: needed after a file was created, renamed or deleted in it.</summary>
    /// <exception cref="IOException">The folder cannot be opened, or the kernel reported an error.</exception>
    public static void FsyncDirectory(string path)
    {
        int fd = Interop.open(path, O_RDONLY | OpenFlags.Here.Directory | O_CLOEXEC, 0);
        if (fd < 0)
            throw Failure("open of a folder");
        using var handle = new SafeFileHandle(fd, ownsHandle: true);
        Fsync(handle);
    }

    /// <summary>Opens a regular file with open(2): closed on exec, never through a symbolic link at the last step, and without the lock
    /// that
    /// .NET's own open takes (flock is ours). Null if it does not exist and is not to be created. A created file has mode 0600.</summary>
    /// <exception cref="IOException">Any other error; its HResult is errno.</exception>
    public static SafeFileHandle? OpenFile(string path, bool write, bool create)
    {
        const int O_RDWR = 2, O_CREAT = 0x40, ENOENT = 2, OwnerOnly = 0x180;
        int flags = O_CLOEXEC | OpenFlags.Here.NoFollow | (write ? O_RDWR : O_RDONLY) | (create ? O_CREAT : 0);
        while (true)
        {
            int fd = Interop.open(path, flags, OwnerOnly);
            if (fd >= 0)
                return new SafeFileHandle(fd, ownsHandle: true);
            int error = Marshal.GetLastPInvokeError();
            if (error == ENOENT && !create)
                return null;
            if (error != Interop.EINTR)
                throw Failure("open");
        }
    }

    /// <summary>Takes an advisory lock on an open file without waiting (flock(2)). False if another process holds it.</summary>
    /// <exception cref="IOException">The lock could not be tried (a file system without locks).</exception>
    public static bool TryLock(SafeFileHandle file, bool exclusive)
    {
        const int LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4;
        while (Interop.flock(file, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error == Interop.EWOULDBLOCK)
                return false;
            if (error != Interop.EINTR)
                throw Failure("flock");
        }
        return true;
    }

    /// <summary>Gives up a lock of <see cref="TryLock"/>. Closing the file is not enough: a child that is being started at that moment holds a
    /// copy of the descriptor, and with it the lock, until its exec.</summary>
    /// <exception cref="IOException">The kernel reported an error.</exception>
    public static void Unlock(SafeFileHandle file)
    {
        const int LOCK_UN = 8;
        Check(() => Interop.flock(file, LOCK_UN), "flock");
    }

    /// <summary>Frees the disk space of a range of a file; it reads as zeros afterwards (fallocate(2), FALLOC_FL_PUNCH_HOLE). False where the file
    /// system has no holes (EOPNOTSUPP).</summary>
    public static bool TryPunchHole(SafeFileHandle file, long offset, long length)
    {
        const int EOPNOTSUPP = 95;
        if (Interop.fallocate(file, FallocKeepSize | FallocPunchHole, offset, length) == 0)
            return true;
        return Marshal.GetLastPInvokeError() == EOPNOTSUPP ? false : throw Failure("fallocate");
    }

    /// <summary>The next range of data at or after <paramref name="offset"/> (SEEK_DATA, SEEK_HOLE), or null when only a hole is
    /// left.</summary>
    public static (long Start, long End)? NextData(SafeFileHandle file, long offset)
    {
        const int SEEK_DATA = 3, SEEK_HOLE = 4, ENXIO = 6;
        long start = Interop.lseek(file, offset, SEEK_DATA);
        if (start < 0)
            return Marshal.GetLastPInvokeError() == ENXIO ? null : throw Failure("lseek");
        long end = Interop.lseek(file, start, SEEK_HOLE);
        return end < 0 ? throw Failure("lseek") : (start, end);
    }

    /// <summary>True for a plain file: no folder, link, device, pipe or socket (statx(2) without following links).</summary>
    public static unsafe bool IsRegularFile(string path)
    {
        const int AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, STATX_TYPE = 1, S_IFMT = 0xF000, S_IFREG = 0x8000;
        const int statxBytes = 256, modeOffset = 28;
        byte* buffer = stackalloc byte[statxBytes];
        if (Interop.statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, buffer) != 0)
            throw Failure("statx");
        return (*(ushort*)(buffer + modeOffset) & S_IFMT) == S_IFREG;
    }

    /// <summary>Which file a path names (device and inode), or null if it names none that can be looked at.</summary>
    public static unsafe (ulong Device, ulong Inode)? FileIdentity(string path)
    {
        const int AT_FDCWD = -100, STATX_INO = 0x100, statxBytes = 256, inodeOffset = 32, majorOffset = 136;
        byte* buffer = stackalloc byte[statxBytes];
        return Interop.statx(AT_FDCWD, path, 0, STATX_INO, buffer) == 0 ? (*(ulong*)(buffer + majorOffset), *(ulong*)(buffer + inodeOffset)) : null;
    }

    /// <summary>Writes all bytes at a place of a file: in as many calls as the kernel wants.</summary>
    /// <exception cref="IOException">The kernel reported an error; a part may be written. Its HResult is errno also where the file would become too large for
    /// its file system or for this process (EFBIG), of which .NET makes an <see cref="ArgumentOutOfRangeException"/>.</exception>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            RandomAccess.Write(file, bytes, offset);
        }
        catch (ArgumentOutOfRangeException e) when (offset >= 0)
        {
            throw TooLarge(e);
        }
    }

    /// <summary>Makes a file as long as this.</summary>
    /// <exception cref="IOException">As for <see cref="Write"/>.</exception>
    public static void SetLength(SafeFileHandle file, long length)
    {
        try
        {
            RandomAccess.SetLength(file, length);
        }
        catch (ArgumentOutOfRangeException e) when (length >= 0)
        {
            throw TooLarge(e);
        }
    }

    /// <summary>True for an error that means: the disk, the quota or the file size limit is full.</summary>
    public static bool IsNoSpace(IOException error)
    {
        const int ENOSPC = 28, EDQUOT = 122;
        return error.HResult is EFBIG or ENOSPC or EDQUOT;
    }

    private static IOException TooLarge(Exception e) => new("The file would become larger than it can be here.", e) { HResult = EFBIG };

    /// <summary>Anonymous memory outside the collected heap: locked if asked, left out of core dumps, zeroed in a forked child.</summary>
    /// <exception cref="VmPodException">mlock was refused (exit code 9): secrets are never kept in memory that can be swapped
    /// out.</exception>
    public static nint MapPrivate(nuint length, bool locked)
    {
        const int PROT_READ = 1, PROT_WRITE = 2, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20;
        const int MADV_DONTDUMP = 16, MADV_WIPEONFORK = 18;
        nint address = Interop.mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (address == -1)
            throw Failure("mmap");
        if (Interop.madvise(address, length, MADV_DONTDUMP) != 0 || Interop.madvise(address, length, MADV_WIPEONFORK) != 0)
        {
            IOException failure = Failure("madvise");
            _ = Interop.munmap(address, length);
            throw failure;
        }
        if (locked && Interop.mlock(address, length) != 0)
        {
            _ = Interop.munmap(address, length);
            throw new VmPodException(ExitCode.Missing, $"This process may not lock {length / 1024} KiB of memory, and secrets must not be swapped out.",
                "Raise the limit of locked memory: ulimit -l unlimited, LimitMEMLOCK=infinity in the unit, or run as root.");
        }
        return address;
    }

    /// <summary>Returns memory of <see cref="MapPrivate"/> to the kernel. The caller has zeroed it.</summary>
    public static void Unmap(nint address, nuint length)
    {
        if (Interop.munmap(address, length) != 0)
            throw Failure("munmap");
    }

    /// <summary>No core dumps and no ptrace by other processes of the same user, for this process from here on.</summary>
    public static unsafe void ForbidDumps()
    {
        const int RLIMIT_CORE = 4, PR_SET_DUMPABLE = 4;
        ulong* limit = stackalloc ulong[] { 0, 0 };
        if (Interop.setrlimit(RLIMIT_CORE, limit) != 0)
            throw Failure("setrlimit");
        if (Interop.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
            throw Failure("prctl");
    }

    /// <summary>Bytes of memory that this process may lock (RLIMIT_MEMLOCK); <see cref="ulong.MaxValue"/> for no limit.</summary>
    public static unsafe ulong LockLimit()
    {
        const int RLIMIT_MEMLOCK = 8;
        ulong* limit = stackalloc ulong[2];
        return Interop.getrlimit(RLIMIT_MEMLOCK, limit) == 0 ? limit[0] : throw Failure("getrlimit");
    }

    /// <summary>An error that names the call and the kernel's reason, from errno of the last call.</summary>
    public static IOException Failure(string call)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"{call} failed: {new Win32Exception(error).Message}", error);
    }

    private static void Check(Func<int> call, string name)
    {
        while (call() != 0)
        {
            if (Marshal.GetLastPInvokeError() != Interop.EINTR)
                throw Failure(name);
        }
    }
}
