using System.Globalization;
using System.Runtime.InteropServices;
using VmPod.Foundation;

namespace VmPod.HostGuard.Mount;

/// <summary>The kernel's switches of one mounted connection, found by its device number: read-ahead and abort.</summary>
internal sealed class FuseControl
{
    private const string ConnectionsFolder = "/sys/fs/fuse/connections";
    private readonly string mountPoint;
    private readonly uint major;
    private readonly uint minor;

    private FuseControl(string mountPoint, uint major, uint minor) =>
        (this.mountPoint, this.major, this.minor) = (mountPoint, major, minor);

    /// <summary>Looks up the device of a mount without asking the file system itself.</summary>
    internal static unsafe FuseControl Of(string mountPoint)
    {
        // struct statx is the same on every machine: stx_dev_major and stx_dev_minor at 136 and 140.
        const int AT_FDCWD = -100, AT_STATX_DONT_SYNC = 0x4000, StatxBytes = 256;
        byte* result = stackalloc byte[StatxBytes];
        if (Interop.statx(AT_FDCWD, mountPoint, AT_STATX_DONT_SYNC, 0, result) != 0)
            throw Libc.Failure("statx of the mount point");
        return new FuseControl(mountPoint, *(uint*)(result + 136), *(uint*)(result + 140));
    }

    private string ReadAheadFile => string.Create(CultureInfo.InvariantCulture, $"/sys/class/bdi/{major}:{minor}/read_ahead_kb");

    /// <summary>Writing to it cuts the connection; anyone in the mount namespace with the right may,
    /// also when this process no longer can.</summary>
    internal string AbortFile => string.Create(CultureInfo.InvariantCulture, $"{ConnectionsFolder}/{minor}/abort");

    /// <summary>Sees to it that <see cref="AbortFile"/> exists. False where this process may not mount the control file system.</summary>
    internal bool ProvideAbortFile()
    {
        if (File.Exists(AbortFile))
            return true;
        // Mounting it hides nothing: the folder exists for it alone.
        return Interop.mount("fusectl", ConnectionsFolder, "fusectl", 0, 0) == 0 && File.Exists(AbortFile);
    }

    /// <summary>Sets the mount's read-ahead and returns what the kernel now says, or null where sysfs cannot be read.</summary>
    internal int? SetReadAhead(int kibibytes)
    {
        try
        {
            File.WriteAllText(ReadAheadFile, kibibytes.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // sysfs is read-only or not there (containers). INIT has already lowered it; what holds is read below and shown to the caller.
        }
        try
        {
            return int.Parse(File.ReadAllText(ReadAheadFile), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Ends the connection: every request in the kernel fails with ECONNABORTED or ENODEV at once, whatever our threads
    /// do.</summary>
    /// <exception cref="VmPodException">Neither way is open to this process (exit code 9).</exception>
    internal void Abort()
    {
        if (TryAbortByControlFile())
            return;
        // A forced unmount aborts the connection first, and has done so even when it then fails because the mount is busy.
        if (Interop.umount2(mountPoint, Interop.MNT_FORCE | Interop.UMOUNT_NOFOLLOW) == 0 || Marshal.GetLastPInvokeError() == Interop.EBUSY)
            return;
        throw new VmPodException(ExitCode.Missing, "The mount's connection to the kernel cannot be aborted by this process.",
            "Run as root, or with CAP_SYS_ADMIN in the mount namespace.");
    }

    private bool TryAbortByControlFile()
    {
        try
        {
            File.WriteAllText(AbortFile, "1");
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Gone means that nobody mounts it any more; the caller's other ways then find that out.
            return false;
        }
    }
}
