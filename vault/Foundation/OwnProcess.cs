using System.Runtime.InteropServices;

namespace VmPod.Foundation;

/// <summary>What a process must know of itself, and do to itself, to be a background process that guards something. Linux.</summary>
public static partial class OwnProcess
{
    private const string C = "libc";

    /// <summary>The user whose rights this process has (geteuid(2)).</summary>
    public static uint User => geteuid();

    /// <summary>Leaves the terminal and its signals behind: a session of its own (setsid(2)).</summary>
    /// <exception cref="IOException">It leads a process group already.</exception>
    public static void StartSession()
    {
        if (setsid() < 0)
            throw Libc.Failure("setsid");
    }

    /// <summary>Standard input, output and error lead nowhere from here on: what was on their other ends sees the end.</summary>
    public static void SilenceStandardStreams()
    {
        const int O_RDWR = 2, O_CLOEXEC = 0x80000;
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC, 0);
        if (nowhere < 0)
            throw Libc.Failure("open of /dev/null");
        for (int stream = 0; stream <= 2; stream++)
        {
            if (dup2(nowhere, stream) < 0)
                throw Libc.Failure("dup2");
        }
        _ = close(nowhere);
    }

    /// <summary>Owner and permission bits of a file or folder, not following a link at the last step (statx(2)).</summary>
    /// <exception cref="IOException">It cannot be looked at.</exception>
    public static unsafe (uint Owner, UnixFileMode Mode, bool IsFolder) Look(string path)
    {
        const int AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, STATX_TYPE = 1, STATX_MODE = 2, STATX_UID = 8;
        const int S_IFMT = 0xF000, S_IFDIR = 0x4000;
        const int statxBytes = 256, ownerOffset = 20, modeOffset = 28;
        byte* buffer = stackalloc byte[statxBytes];
        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MODE | STATX_UID, buffer) != 0)
            throw Libc.Failure("statx");
        ushort mode = *(ushort*)(buffer + modeOffset);
        return (*(uint*)(buffer + ownerOffset), (UnixFileMode)(mode & 0xFFF), (mode & S_IFMT) == S_IFDIR);
    }

    [LibraryImport(C)]
    private static partial uint geteuid();

    [LibraryImport(C, SetLastError = true)]
    private static partial int setsid();

    [LibraryImport(C, SetLastError = true)]
    private static partial int dup2(int from, int to);

    [LibraryImport(C, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport(C, SetLastError = true)]
    private static partial int close(int fd);

    [LibraryImport(C, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int statx(int folder, string path, int flags, uint mask, byte* buffer);
}
