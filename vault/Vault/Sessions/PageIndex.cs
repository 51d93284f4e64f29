using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using VmPod.Secrets;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>
/// Where pages with some content may stand: a hash table of fixed size, whose newer entries take the place of older ones. It only says where to look;
/// who uses it compares the bytes. Safe for parallel use.
/// </summary>
/// <remarks>Its hashes tell which pages are equal, so it is in locked memory, and its seed is random.</remarks>
internal sealed class PageIndex : IDisposable
{
    // 2 million pages, 8 GiB of distinct ones, in 32 MiB: an eighth of what a put may have.
    private const int EntriesMax = 1 << 21;

    private const int WordsOfEntry = 2, ChunkBits = 28, StreamBits = 16, PageBits = 4;

    /// <summary>Places in which a page may be noted.</summary>
    public const int Ways = 2;

    private readonly LockedMemory memory;
    private readonly int mask;
    private readonly long seed;

    /// <summary>An index for so many pages, or for as many as its bound allows.</summary>
    public PageIndex(long pages)
    {
        int entries = (int)BitOperations.RoundUpToPowerOf2((ulong)Math.Clamp(pages + pages / 2, 1024, EntriesMax));
        memory = new LockedMemory((long)entries * WordsOfEntry * sizeof(ulong));
        mask = entries - 1;
        seed = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)));
    }

    private Span<ulong> Entries => MemoryMarshal.Cast<byte, ulong>(memory.Slice(0, (mask + 1) * WordsOfEntry * sizeof(ulong)));

    /// <summary>The hash of a page: XXH3 with the index's seed.</summary>
    public ulong HashOf(ReadOnlySpan<byte> page) => XxHash3.HashToUInt64(page, seed);

    /// <summary>Notes where a page stands. <paramref name="isNew"/> is the caller's mark.</summary>
    public void Add(ulong hash, ChunkKey key, int page, bool isNew)
    {
        // What does not fit an entry's bits is not looked for.
        if (key.Stream >= 1u << StreamBits || key.Chunk >= 1UL << ChunkBits)
            return;
        ulong value = (((ulong)key.Stream << ChunkBits | key.Chunk) << PageBits | (uint)page) << 2 | (isNew ? 2u : 0u) | 1u;
        Span<ulong> entries = Entries;
        int at = Place(hash), other = Place(hash ^ 1);
        // What stood here moves to its other place.
        if (entries[at + 1] != 0 && entries[at] != hash)
            (entries[other], entries[other + 1]) = (entries[at], entries[at + 1]);
        entries[at] = hash;
        entries[at + 1] = value;
    }

    /// <summary>Where a page with this hash may stand: <paramref name="way"/> 0 or 1 gives up to two places.</summary>
    public bool TryFind(ulong hash, int way, out ChunkKey key, out int page, out bool isNew)
    {
        ReadOnlySpan<ulong> entries = Entries;
        int at = Place(way == 0 ? hash : hash ^ 1);
        ulong value = entries[at + 1];
        key = new ChunkKey((uint)(value >> ChunkBits + PageBits + 2), value >> PageBits + 2 & (1UL << ChunkBits) - 1);
        page = (int)(value >> 2 & (1u << PageBits) - 1);
        isNew = (value & 2) != 0;
        return value != 0 && entries[at] == hash;
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    // Torn entries (two threads, one place) name a wrong page at worst: the bytes are compared.
    private int Place(ulong hash) => (int)(hash & (uint)mask) * WordsOfEntry;
}
