using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Snapshots;

/// <summary>A stream of a generation, read to be stored anew.</summary>
/// <remarks>Pages are compared one by one and mostly in order, so each thread keeps the chunk that it read last.</remarks>
internal sealed class SessionSource : ChunkSource
{
    private readonly SessionReader reader;
    private readonly ThreadLocal<Kept> kept = new(static () => new Kept(), trackAllValues: true);

    /// <summary>A stream of what <paramref name="reader"/> has open.</summary>
    public SessionSource(SessionReader reader, StreamInfo stream)
        : base(stream)
    {
        this.reader = reader;
        var ranges = new List<(long First, long End)>();
        foreach (long chunk in reader.Chunks(stream).TakeWhile(c => c < stream.ChunkCount))
        {
            if (ranges.Count > 0 && ranges[^1].End == chunk)
                ranges[^1] = (ranges[^1].First, chunk + 1);
            else
                ranges.Add((chunk, chunk + 1));
        }
        ChunkRanges = ranges;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(long First, long End)> ChunkRanges { get; }

    /// <inheritdoc/>
    public override void ReadAt(long offset, Span<byte> into)
    {
        Kept mine = kept.Value!;
        while (into.Length > 0)
        {
            long chunk = offset / FormatLimits.ChunkBytes;
            int from = (int)(offset % FormatLimits.ChunkBytes), length = Stream.ChunkLength(chunk), take = Math.Min(length - from, into.Length);
            Span<byte> bytes = mine.Memory.Slice(0, length);
            if (mine.Chunk != chunk)
            {
                mine.Chunk = -1;
                reader.ReadChunk(Stream, chunk, bytes);
                mine.Chunk = chunk;
            }
            bytes.Slice(from, take).CopyTo(into);
            into = into[take..];
            offset += take;
        }
    }

    /// <inheritdoc/>
    public override void CheckUnchanged()
    {
        // A generation never changes.
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (Kept one in kept.Values)
            one.Dispose();
        kept.Dispose();
    }

    private sealed class Kept : IDisposable
    {
        public readonly LockedMemory Memory = new(FormatLimits.ChunkBytes);
        public long Chunk = -1;

        public void Dispose() => Memory.Dispose();
    }
}
