using VmPod.HostGuard.Mount;
using VmPod.Vault.Format;
using VmPod.Vault.Images;

namespace VmPod.Benchmarks.Disk;

/// <summary>A session's disk as hostguard serves it.</summary>
internal sealed class ImageDisk(StreamInfo stream, SessionImage image) : MountedFile("disk", stream.Length, MountedFileKind.Disk, writable: true)
{
    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> into) => image.Read(stream.Number, offset, into);

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> data) => image.Write(stream.Number, offset, data);
}
