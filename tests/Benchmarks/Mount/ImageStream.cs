using VmPod.HostGuard.Mount;
using VmPod.Vault.Format;
using VmPod.Vault.Images;

namespace VmPod.Benchmarks.Mount;

/// <summary>A session's stream as hostguard serves it.</summary>
internal sealed class ImageStream(string name, MountedFileKind kind, StreamInfo stream, SessionImage image)
    : MountedFile(name, stream.Length, kind, writable: true)
{
    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> into) => image.Read(stream.Number, offset, into);

    /// <inheritdoc/>
    public override void Write(long offset, ReadOnlySpan<byte> data) => image.Write(stream.Number, offset, data);
}
