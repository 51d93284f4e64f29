using VmPod.Foundation;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Images;

/// <summary>Pages of a machine's disks that passed through its image, read or written: what a guest's cache holds was one of them.</summary>
/// <remarks>Bounded by the machine's memory: more pages than fit there no guest holds.</remarks>
internal sealed class ImagePages(SessionLease lease, DecodedChunks chunks, long pages) : IPageSource, IDisposable
{
    private readonly PageIndex index = new(pages);

    /// <summary>Notes the pages of a chunk.</summary>
    public void Add(ChunkKey key, ReadOnlySpan<byte> chunk) => index.AddPages(key, chunk, isNew: false);

    /// <inheritdoc/>
    public bool TryFind(ReadOnlySpan<byte> page, out PageTarget target, out int number)
    {
        (target, number) = (default, 0);
        if (!index.TryFind(index.HashOf(page), out ChunkKey key, out int at, out _))
            return false;
        try
        {
            // The chunk as it is now: what stood there when it was noted is compared with what is there.
            if (!lease.TryFind(key, out PayloadRef place) || !OldVersion.Of(key, place).TryPlain(at, out (PageTarget Target, int Page) plain)
                || !chunks.IsPage(plain.Target, plain.Page, page))
                return false;
            (target, number) = plain;
            return true;
        }
        catch (VmPodException e) when (e.ExitCode is ExitCode.LinkLost or ExitCode.Damaged)
        {
            // Out of reach: the page is stored with the memory.
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => index.Dispose();
}
