namespace VmPod.HostGuard.Mount;

/// <summary>The one way for a <see cref="MountedFile"/> to answer a request with an error of its choice.</summary>
public sealed class MountIoException : Exception
{
    /// <summary>An error with its errno (for example 5, EIO), 1 to 4095.</summary>
    public MountIoException(int errno, string message = "The file of the mount answered with an error.", Exception? innerException = null)
        : base(message, innerException)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(errno, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(errno, 4095);
        Errno = errno;
    }

    /// <summary>What the reader or writer sees in errno.</summary>
    public int Errno { get; }
}
