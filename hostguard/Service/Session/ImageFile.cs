using VmPod.Foundation;
using VmPod.HostGuard.Mount;
using VmPod.Vault.Format;
using VmPod.Vault.Images;

namespace VmPod.HostGuard.Session;

/// <summary>A stream of the session as a file of the mount.</summary>
/// <remarks>
/// Rule 9: when cells cannot be had (pod gone, damaged), a disk's read fails and QEMU stops the machine with the request kept; a read of RAM waits, since a
/// failed one would kill the guest. Waiting ends when the cells are back, or with <see cref="Abandon"/>.
/// </remarks>
internal sealed class ImageFile(
    string name, StreamInfo stream, SessionImage image, Action<Exception> troubled, Action flush, Action<uint, long, int> written)
    : MountedFile(name, stream.Length, stream.Kind == StreamKind.Memory ? MountedFileKind.Memory : MountedFileKind.Disk, writable: true), IDisposable
{
    private const int EIO = 5;
    private static readonly TimeSpan RetryEvery = TimeSpan.FromMilliseconds(100);

    private readonly ManualResetEventSlim abandoned = new();
    private volatile VmPodException? waitsFor;

    /// <summary>The damage because of which a read waits, for ever unless the cells come back; null if none does.</summary>
    public VmPodException? WaitsFor => waitsFor;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> into)
    {
        bool waits = false;
        while (true)
        {
            try
            {
                image.Read(stream.Number, offset, into);
                if (waits)
                    waitsFor = null;
                return;
            }
            catch (Exception e) when (e is VmPodException or IOException)
            {
                troubled(e);
                if (Kind == MountedFileKind.Disk || abandoned.Wait(RetryEvery))
                    throw new MountIoException(EIO, "A part of the session cannot be read.", e);
                if (e is VmPodException { ExitCode: ExitCode.Damaged } damage)
                    (waitsFor, waits) = (damage, true);
            }
        }
    }

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> data)
    {
        while (true)
        {
            try
            {
                image.Write(stream.Number, offset, data);
                if (Kind == MountedFileKind.Disk)
                    written(stream.Number, offset, data.Length);
                return;
            }
            catch (Exception e) when (e is VmPodException or IOException)
            {
                // A write never gets EIO or ENOSPC (rule 8): the machine is stopped meanwhile, and the write waits for room.
                troubled(e);
                if (abandoned.Wait(RetryEvery))
                    throw new MountIoException(EIO, "The session is being wiped.", e);
            }
        }
    }

    /// <inheritdoc/>
    public override void Zero(long offset, long length) => image.Zero(stream.Number, offset, length);

    /// <summary>The guest's FLUSH: earlier writes are in the overlay already; what else it waits for is the session's to say (rule 6).</summary>
    public override void Flush()
    {
        if (Kind == MountedFileKind.Disk)
            flush();
    }

    /// <inheritdoc/>
    public override void Abandon() => abandoned.Set();

    /// <summary>After the mount is gone.</summary>
    public void Dispose() => abandoned.Dispose();
}
