using System.Buffers.Binary;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Images;

/// <summary>
/// Payloads of a running machine, decoded, in locked memory: least recently used go first. A page that a chunk takes from another payload is read there, and
/// nothing else of the chunk is (rule 13). Thread-safe.
/// </summary>
internal sealed class DecodedChunks : IDisposable
{
    private const int PageBytes = FormatLimits.PageBytes, ChunkBytes = FormatLimits.ChunkBytes;

    // After the chunk: which of its pages are there. In whole cache lines.
    private const int SlotBytes = ChunkBytes + 64;

    private readonly SessionLease lease;
    private readonly LockedCache<(ChunkKey Key, ulong Lease, ulong Commit)> slots;
    private readonly Func<uint, bool> isDisk;
    private readonly Func<long> memoryBytes;
    private readonly Func<ulong> seed;
    private readonly Lock gate = new();
    private volatile ImagePages? pages;

    /// <summary>A cache in memory that is its own from now on.</summary>
    /// <param name="lease">Where payloads are.</param>
    /// <param name="memory">Locked memory.</param>
    /// <param name="isDisk">Tells the streams whose pages memory may name.</param>
    /// <param name="memoryBytes">Bytes of the machine's memory; 0 while it has none.</param>
    /// <param name="seed">Of the page index that is kept with the session; asked once.</param>
    public DecodedChunks(SessionLease lease, LockedMemory memory, Func<uint, bool> isDisk, Func<long> memoryBytes, Func<ulong> seed)
    {
        this.lease = lease;
        this.isDisk = isDisk;
        this.memoryBytes = memoryBytes;
        this.seed = seed;
        slots = new LockedCache<(ChunkKey, ulong, ulong)>(memory, SlotBytes);
        SlotCount = (int)(memory.Length / SlotBytes);
    }

    /// <summary>Payloads that it holds at most.</summary>
    public int SlotCount { get; }

    /// <summary>Where pages that passed are found. Null for a machine without memory.</summary>
    public ImagePages? Pages
    {
        get
        {
            if (pages is not null)
                return pages;
            lock (gate)
                return pages ??= memoryBytes() is var bytes and > 0 ? new ImagePages(lease, this, bytes / PageBytes, seed()) : null;
        }
    }

    /// <summary>Reads bytes of a chunk. What is beyond its end is zeros.</summary>
    /// <exception cref="VmPodException">Damaged cells (5), link lost (7).</exception>
    public void Read(ChunkKey key, in PayloadRef place, int start, Span<byte> into)
    {
        if (place.Pages is not { IsDelta: false } table)
        {
            _ = Use(key, place, isTarget: false, new Part(start, into), static (slot, part) => part.Take(slot));
            return;
        }
        for (int done = 0; done < into.Length;)
        {
            int at = start + done, page = at / PageBytes, take = Math.Min(into.Length - done, PageBytes - at % PageBytes);
            Span<byte> bytes = into.Slice(done, take);
            done += take;
            switch (table.KindOf(page))
            {
                case PageKind.Zero:
                    bytes.Clear();
                    continue;
                case PageKind.Reference:
                    (PageTarget target, int from) = table.ReferenceOf(page);
                    var wanted = new Part(from * PageBytes + at % PageBytes, bytes);
                    if (!Use(target.Key, target.Place, isTarget: true, wanted, static (slot, part) => part.Take(slot)))
                        throw PayloadReader.Disagrees(key);
                    continue;
                default:
                    if (!Use(key, place, isTarget: false, new Part(at, bytes), static (slot, part) => part.Take(slot)))
                        throw PayloadReader.Disagrees(key);
                    continue;
            }
        }
    }

    /// <summary>True if a payload is here, decoded.</summary>
    public bool Has(ChunkKey key, in PayloadRef place) => slots.Has((key, place.LeaseId, place.Commit));

    /// <summary>True if the target has a page with just these bytes.</summary>
    /// <exception cref="VmPodException">As for <see cref="Read"/>.</exception>
    public bool IsPage(in PageTarget target, int page, ReadOnlySpan<byte> bytes) =>
        Use(target.Key, target.Place, isTarget: true, new Known(page, bytes), static (slot, known) => known.IsIn(slot));

    /// <summary>Zeroes it. Nobody may be using it.</summary>
    public void Clear() => slots.Clear();

    /// <inheritdoc/>
    public void Dispose()
    {
        slots.Dispose();
        pages?.Dispose();
    }

    private bool Use<TState>(ChunkKey key, in PayloadRef place, bool isTarget, TState state, Func<ReadOnlySpan<byte>, TState, bool> use)
        where TState : allows ref struct
    {
        PayloadRef at = place;
        return slots.Use((key, place.LeaseId, place.Commit), (_, slot) => Load(key, at, isTarget, slot), state, use);
    }

    private void Load(ChunkKey key, in PayloadRef place, bool isTarget, Span<byte> slot)
    {
        Span<byte> chunk = slot[..ChunkBytes];
        chunk.Clear();
        ushort have = isTarget ? lease.Payloads.ReadTarget(new PageTarget(key, place), chunk)
            : place.Pages is { IsDelta: false } ? lease.Payloads.ReadOwn(key, place, chunk) : ReadWhole(key, place, chunk);
        BinaryPrimitives.WriteUInt16BigEndian(slot[ChunkBytes..], have);
        if (isDisk(key.Stream))
            Pages?.Add(key, chunk);
    }

    // What follows a short chunk is zeros, and may be read.
    private ushort ReadWhole(ChunkKey key, in PayloadRef place, Span<byte> chunk)
    {
        _ = lease.Payloads.ReadUpTo(key, place, chunk);
        return ushort.MaxValue;
    }

    private static bool Has(ReadOnlySpan<byte> slot, int page) => (BinaryPrimitives.ReadUInt16BigEndian(slot[ChunkBytes..]) >> page & 1) != 0;

    private readonly ref struct Part(int start, Span<byte> into)
    {
        private readonly Span<byte> into = into;

        public bool Take(ReadOnlySpan<byte> slot)
        {
            for (int page = start / PageBytes; page <= (start + into.Length - 1) / PageBytes; page++)
            {
                if (!Has(slot, page))
                    return false;
            }
            slot.Slice(start, into.Length).CopyTo(into);
            return true;
        }
    }

    private readonly ref struct Known(int page, ReadOnlySpan<byte> bytes)
    {
        private readonly ReadOnlySpan<byte> bytes = bytes;

        public bool IsIn(ReadOnlySpan<byte> slot) => Has(slot, page) && slot.Slice(page * PageBytes, PageBytes).SequenceEqual(bytes);
    }
}
