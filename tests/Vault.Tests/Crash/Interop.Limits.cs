using System.Runtime.InteropServices;

namespace VmPod.Vault.Tests.Crash;

/// <summary>The bound on the size of files that a process may write.</summary>
internal static unsafe partial class Interop
{
    private const int RLIMIT_FSIZE = 1, SIGXFSZ = 25, SIG_IGN = 1;

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setrlimit(int resource, ulong* limit);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint signal(int number, nint handler);

    /// <summary>
    /// From now on no byte at or beyond this place of any file can be written: a write that goes across it is done up to there, truly, and the next one fails
    /// (EFBIG). The signal that would come with it is ignored.
    /// </summary>
    internal static void LimitFiles(ulong bytes)
    {
        ulong* limit = stackalloc ulong[] { bytes, ulong.MaxValue };
        if (signal(SIGXFSZ, SIG_IGN) == -1 || setrlimit(RLIMIT_FSIZE, limit) != 0)
            throw new InvalidOperationException($"setrlimit: {Marshal.GetLastPInvokeError()}");
    }
}
