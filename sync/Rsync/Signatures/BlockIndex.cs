using System.Numerics;

namespace VmPod.Sync.Rsync.Signatures;

/// <summary>
/// Finds blocks of full size by their sums: two bits in one word of a filter for each, and behind it one sorted array. That is searched in halves, whatever
/// sums and hashes a peer has chosen: there is no chain that could be made long.
/// </summary>
internal sealed class BlockIndex
{
    // Two blocks to a word, so four bits of 64, of which a window finds both of its own by chance once in 256. For all blocks that there may be, 4 MiB.
    private const int BlocksOfWord = 2;

    private readonly Entry[] entries;
    private readonly ulong[] filter;
    private readonly int shift;

    internal BlockIndex(Signature signature)
    {
        entries = new Entry[signature.FullBlocks];
        uint words = BitOperations.RoundUpToPowerOf2((uint)Math.Max(2, entries.Length / BlocksOfWord));
        filter = new ulong[words];
        shift = 32 - BitOperations.Log2(words);
        for (int block = 0; block < entries.Length; block++)
        {
            uint key = KeyOf(signature.SumOf(block));
            entries[block] = new Entry(signature.HashOf(block), key, block);
            filter[key >> shift] |= BitsOf(key);
        }
        entries.AsSpan().Sort();
    }

    /// <summary>False if no block has this sum; true for all that one has, and for few others.</summary>
    internal bool MayHave(uint sum)
    {
        uint key = KeyOf(sum);
        return (BitsOf(key) & ~filter[key >> shift]) == 0;
    }

    /// <summary>Whether a block has this sum.</summary>
    internal bool Has(uint sum)
    {
        uint key = KeyOf(sum);
        int at = FirstNotBelow(key, 0);
        return at < entries.Length && entries[at].Key == key;
    }

    /// <summary>The first block of the file with this sum and hash; -1 if there is none.</summary>
    internal int Find(uint sum, ulong hash)
    {
        uint key = KeyOf(sum);
        int at = FirstNotBelow(key, hash);
        return at < entries.Length && entries[at].Key == key && entries[at].Hash == hash ? entries[at].Block : -1;
    }

    // From the low bits of the key, as the word is from its high ones. A shift takes six bits of its count.
    private static ulong BitsOf(uint key) => unchecked(1UL << (int)key | 1UL << (int)(key >> 6));

    // Adler's sums lie close together; this spreads them, one to one (Knuth's multiplicative hash).
    private static uint KeyOf(uint sum) => unchecked(sum * 0x9E3779B1);

    private int FirstNotBelow(uint key, ulong hash)
    {
        (int low, int high) = (0, entries.Length);
        while (low < high)
        {
            int middle = low + high >>> 1;
            ref readonly Entry entry = ref entries[middle];
            if (entry.Key < key || (entry.Key == key && entry.Hash < hash))
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    // In this order it has 16 bytes.
    private readonly record struct Entry(ulong Hash, uint Key, int Block) : IComparable<Entry>
    {
        public int CompareTo(Entry other)
        {
            int byKey = Key.CompareTo(other.Key);
            int byHash = byKey != 0 ? byKey : Hash.CompareTo(other.Hash);
            return byHash != 0 ? byHash : Block.CompareTo(other.Block);
        }
    }
}
