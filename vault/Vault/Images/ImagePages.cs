using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Images;

/// <summary>Pages of a machine's disks that passed through its image, read or written: what a guest's cache holds was one of them.</summary>
/// <remarks>
/// Bounded by the machine's memory: more pages than fit there no guest holds. What is learned is kept with the session for the next host, a part at a
/// checkpoint (SPEC V-153): little and bounded, since what a guest moves about without reading it anew is little (vault/MEASUREMENTS.md).
/// </remarks>
internal sealed class ImagePages(SessionLease lease, DecodedChunks chunks, long pages, ulong seed) : IPageSource, IDisposable
{
    // A smaller part is written once more with what is new, so that parts do not run out before their bytes do.
    private const int PartBytesMin = 8 << 10;

    private readonly PageIndex index = new(pages, seed) { KeepsMarks = true };
    private bool isLoaded;
    private uint newest;
    private int newestBytes;

    /// <summary>Notes the pages of a chunk.</summary>
    public void Add(ChunkKey key, ReadOnlySpan<byte> chunk) => index.AddPages(key, chunk, isNew: true);

    /// <summary>Takes in what earlier visits learned, once. One thread's, as <see cref="Store"/> is.</summary>
    public void Load()
    {
        if (isLoaded)
            return;
        using var memory = new LockedMemory(FormatLimits.ChunkBytes);
        for (uint slot = 0; slot < PageIndexPart.PartsMax; slot++)
        {
            Span<byte> part = memory.Slice(0, FormatLimits.ChunkBytes);
            part = part[..Read(slot, part)];
            if (!index.TryAddPart(part) || !PageIndexPart.TryReadHeader(part, out _, out uint number) || number % PageIndexPart.PartsMax != slot
                || number < newest)
                continue;
            (newest, newestBytes) = (number, part.Length);
        }
        isLoaded = true;
    }

    /// <summary>Puts a part with what is new: at most one, in place of the oldest or of the newest while that is small.</summary>
    /// <param name="part">Room for a part.</param>
    /// <param name="encoder">Encodes it.</param>
    /// <param name="into">Room for what that makes.</param>
    public void Store(Span<byte> part, ChunkEncoder encoder, Span<byte> into)
    {
        Load();
        bool goesOn = newestBytes is > 0 and < PartBytesMin;
        uint number = goesOn ? newest : newest + 1;
        int before = goesOn ? Read(number % PageIndexPart.PartsMax, part) : 0;
        if (before < PageIndexPart.HeaderBytes)
            before = PageIndexPart.WriteHeader(part, index.Seed, number);
        int length = index.WriteNewRows(part, before);
        if (length == before)
            return;
        (Codec codec, int encoded) = encoder.Encode(part[..length], into);
        lease.Put(KeyOf(number % PageIndexPart.PartsMax), codec, length, into[..encoded], lease.TagOf(part[..length]));
        (newest, newestBytes) = (number, length);
    }

    private static ChunkKey KeyOf(uint slot) => new(InternalStream.PageIndex, slot);

    // 0 for none, and for one that cannot be read: it is a hint.
    private int Read(uint slot, Span<byte> part)
    {
        try
        {
            return lease.TryFind(KeyOf(slot), out PayloadRef place) ? lease.Payloads.ReadUpTo(KeyOf(slot), place, part) : 0;
        }
        catch (VmPodException)
        {
            return 0;
        }
    }

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
