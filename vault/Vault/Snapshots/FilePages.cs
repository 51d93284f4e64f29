using VmPod.Secrets;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Snapshots;

/// <summary>Pages of the files that are being put: found by an index of those that were read, compared with the file itself.</summary>
/// <remarks>
/// A page of a chunk that was just encoded is found once its cell is sealed. Until then its place is that of the chunk's older version, which the mark of
/// the index tells apart.
/// </remarks>
internal sealed class FilePages(SessionLease lease, IEnumerable<ChunkSource> sources, long pages) : IPageSource, IDisposable
{
    private readonly Dictionary<uint, ChunkSource> sources = sources.ToDictionary(s => s.Stream.Number);
    private readonly PageIndex index = new(pages);
    private readonly ThreadLocal<LockedMemory> buffers = new(static () => new LockedMemory(FormatLimits.PageBytes), trackAllValues: true);

    /// <summary>Notes the pages of a chunk that is in the session, or will be with this put.</summary>
    public void Add(ChunkKey key, ReadOnlySpan<byte> chunk, bool isNew) => index.AddPages(key, chunk, isNew);

    /// <inheritdoc/>
    public bool TryFind(ReadOnlySpan<byte> page, out PageTarget target, out int number)
    {
        (target, number) = (default, 0);
        if (!index.TryFind(index.HashOf(page), out ChunkKey key, out int at, out bool isNew) || !lease.TryFind(key, out PayloadRef place)
            || isNew != lease.IsOfThisBatch(place) || !OldVersion.Of(key, place).TryPlain(at, out (PageTarget Target, int Page) plain))
            return false;
        Span<byte> there = buffers.Value!.Slice(0, FormatLimits.PageBytes);
        sources[key.Stream].ReadAt((long)key.Chunk * FormatLimits.ChunkBytes + at * FormatLimits.PageBytes, there);
        if (!page.SequenceEqual(there))
            return false;
        (target, number) = plain;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        index.Dispose();
        foreach (LockedMemory buffer in buffers.Values)
            buffer.Dispose();
        buffers.Dispose();
    }
}
