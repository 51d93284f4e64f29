using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots;

/// <summary>Where the bytes of one stream come from while it is put.</summary>
internal abstract class ChunkSource(StreamInfo stream) : IDisposable
{
    /// <summary>The stream.</summary>
    public StreamInfo Stream { get; } = stream;

    /// <summary>Ranges of chunks that may hold data, ascending and apart; all else is zeros and is not read.</summary>
    public abstract IReadOnlyList<(long First, long End)> ChunkRanges { get; }

    /// <summary>Bytes of data in those ranges.</summary>
    public long DataBytes => ChunkRanges.Sum(r => Math.Min(r.End * FormatLimits.ChunkBytes, Stream.Length) - r.First * FormatLimits.ChunkBytes);

    /// <summary>Reads bytes of the stream. Called by several threads at once.</summary>
    /// <exception cref="Foundation.VmPodException">The file changed while it was read (2).</exception>
    public abstract void ReadAt(long offset, Span<byte> into);

    /// <summary>Called once all was read.</summary>
    /// <exception cref="Foundation.VmPodException">The file changed while it was read (2).</exception>
    public abstract void CheckUnchanged();

    /// <inheritdoc/>
    public abstract void Dispose();
}
