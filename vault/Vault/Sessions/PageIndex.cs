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
internal sealed partial class PageIndex : IDisposable
{
    // 2 million pages, 8 GiB of distinct ones, in 32 MiB: an eighth of what a put may have.
    private const int EntriesMax = 1 << 21;

    // A bucket is two cache lines. At most half full on the average, one page in two hundred finds no room.
    private const int WordsOfEntry = 2, EntriesOfBucket = 8, RoomForOne = 2;

    private const ulong HashMask = (1UL << PageIndexPart.HashBits) - 1;

    private const ulong InUse = 1, IsNew = 2;

    private const int ChunkBits = 28, StreamBits = 16, PageBits = 4;

    private readonly LockedMemory memory;
    private readonly ulong mask;

    /// <summary>An index for so many pages, or for as many as its bound allows, with a seed of its own.</summary>
    public PageIndex(long pages)
        : this(pages, NewSeed())
    {
    }

    /// <summary>An index whose hashes are those of another time.</summary>
    public PageIndex(long pages, ulong seed)
    {
        int entries = (int)BitOperations.RoundUpToPowerOf2((ulong)Math.Clamp(pages * RoomForOne, 1024, EntriesMax));
        memory = new LockedMemory((long)entries * WordsOfEntry * sizeof(ulong));
        mask = (ulong)(entries / EntriesOfBucket - 1);
        Seed = seed;
    }

    /// <summary>What makes its hashes others than those of another index.</summary>
    public ulong Seed { get; }

    /// <summary>A random seed.</summary>
    public static ulong NewSeed() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    /// <summary>The hash of a page: the low bits of XXH3 with the index's seed.</summary>
    public ulong HashOf(ReadOnlySpan<byte> page) => XxHash3.HashToUInt64(page, unchecked((long)Seed)) & HashMask;

    /// <summary>Notes where the pages of a chunk stand, but those that are zero. <paramref name="isNew"/> is the caller's mark.</summary>
    public void AddPages(ChunkKey key, ReadOnlySpan<byte> chunk, bool isNew)
    {
        for (int page = 0; page < chunk.Length / FormatLimits.PageBytes; page++)
        {
            ReadOnlySpan<byte> bytes = chunk.Slice(page * FormatLimits.PageBytes, FormatLimits.PageBytes);
            if (bytes.ContainsAnyExcept((byte)0))
                Add(HashOf(bytes), key, page, isNew);
        }
    }

    /// <summary>True: a page that is noted again at its place keeps the mark that it has.</summary>
    public bool KeepsMarks { get; init; }

    private void Add(ulong hash, ChunkKey key, int page, bool isNew)
    {
        // What does not fit an entry's bits is not looked for.
        if (key.Stream >= 1u << StreamBits || key.Chunk >= 1UL << ChunkBits)
            return;
        ulong value = (((ulong)key.Stream << ChunkBits | key.Chunk) << PageBits | (uint)page) << 2 | (isNew ? IsNew : 0) | InUse;
        Span<ulong> bucket = BucketOf(hash);
        // Its own entry, else a free one, else that of a page that the hash names: which one goes must not be known before.
        int at = (int)(hash >> PageIndexPart.HashBits - 3) % EntriesOfBucket * WordsOfEntry;
        for (int i = bucket.Length - WordsOfEntry; i >= 0; i -= WordsOfEntry)
        {
            if (bucket[i + 1] == 0 || bucket[i] == hash)
                at = i;
            if (bucket[i] == hash)
                break;
        }
        if (KeepsMarks && bucket[at] == hash && (bucket[at + 1] | IsNew) == (value | IsNew))
            return;
        (bucket[at], bucket[at + 1]) = (hash, value);
    }

    /// <summary>Where a page with this hash may stand.</summary>
    public bool TryFind(ulong hash, out ChunkKey key, out int page, out bool isNew)
    {
        ReadOnlySpan<ulong> bucket = BucketOf(hash);
        for (int i = 0; i < bucket.Length; i += WordsOfEntry)
        {
            ulong value = bucket[i + 1];
            if (bucket[i] != hash || value == 0)
                continue;
            (key, page) = PlaceOf(value);
            isNew = (value & IsNew) != 0;
            return true;
        }
        (key, page, isNew) = (default, 0, false);
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    private static (ChunkKey Key, int Page) PlaceOf(ulong value) => (
        new ChunkKey((uint)(value >> ChunkBits + PageBits + 2), value >> PageBits + 2 & (1UL << ChunkBits) - 1), (int)(value >> 2 & (1u << PageBits) - 1));

    // Torn entries (two threads, one place) name a wrong page at worst: the bytes are compared.
    private Span<ulong> BucketOf(ulong hash)
    {
        const int bytes = EntriesOfBucket * WordsOfEntry * sizeof(ulong);
        return MemoryMarshal.Cast<byte, ulong>(memory.Slice((long)(hash & mask) * bytes, bytes));
    }
}
