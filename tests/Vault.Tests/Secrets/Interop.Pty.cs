using System.Runtime.InteropServices;

namespace VmPod.Vault.Tests.Secrets;

/// <summary>What the tests of <see cref="VmPod.Secrets.SecretInput"/> need of libc: a pty, a fifo, and another standard input.</summary>
internal static unsafe partial class Interop
{
    internal const int O_RDWR = 2;
    internal const int O_NOCTTY = 0x100;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int posix_openpt(int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int grantpt(int fd);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int unlockpt(int fd);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ptsname_r(int fd, byte* name, nuint length);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mkfifo(string path, int mode);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int dup(int fd);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int dup2(int from, int to);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int close(int fd);
}
