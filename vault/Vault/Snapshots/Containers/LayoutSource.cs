using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>The layout of a container, as a stream.</summary>
internal sealed class LayoutSource(VmdkContainer container, StreamInfo stream) : ChunkSource(stream)
{
    /// <inheritdoc/>
    public override IReadOnlyList<(long First, long End)> ChunkRanges { get; } = [(0, stream.ChunkCount)];

    /// <inheritdoc/>
    public override void ReadAt(long offset, Span<byte> into) => container.ReadLayout(offset, into);

    /// <inheritdoc/>
    public override void CheckUnchanged() => container.File.CheckUnchanged();

    /// <summary>The container is another's.</summary>
    public override void Dispose()
    {
    }
}
