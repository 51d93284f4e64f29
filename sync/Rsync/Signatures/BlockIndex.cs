using System.Numerics;

namespace VmPod.Sync.Rsync.Signatures;

/// <summary>
/// Finds blocks of full size by their sums: a bit for each value that a sum may have, folded, and behind it one sorted array. Searched in halves, whatever sums
/// and hashes a peer has chosen: there is no chain that could be made long.
/// </summary>
internal sealed class BlockIndex
{
    // One block in 32 places of the filter: at most 3 % of windows that match nothing go on to the array.
    private const int FilterBitsOfBlock = 32, FilterBitsMin = 64, FilterBitsMax = 1 << 26;

    private readonly Entry[] entries;
    private readonly ulong[] filter;
    private readonly int shift;

    internal BlockIndex(Signature signature)
    {
        entries = new Entry[signature.FullBlocks];
        uint bits = BitOperations.RoundUpToPowerOf2((uint)Math.Clamp((long)entries.Length * FilterBitsOfBlock, FilterBitsMin, FilterBitsMax));
        filter = new ulong[bits / 64];
        shift = 32 - BitOperations.Log2(bits);
        for (int block = 0; block < entries.Length; block++)
        {
            uint key = KeyOf(signature.SumOf(block));
            entries[block] = new Entry(key, signature.HashOf(block), block);
            filter[key >> shift >> 6] |= 1UL << (int)(key >> shift & 63);
        }
        entries.AsSpan().Sort();
    }

    /// <summary>False if no block has this sum; true for all that one has, and for few others.</summary>
    internal bool MayHave(uint sum)
    {
        uint bit = KeyOf(sum) >> shift;
        return (filter[bit >> 6] >> (int)(bit & 63) & 1) != 0;
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

    private readonly record struct Entry(uint Key, ulong Hash, int Block) : IComparable<Entry>
    {
        public int CompareTo(Entry other)
        {
            int byKey = Key.CompareTo(other.Key);
            int byHash = byKey != 0 ? byKey : Hash.CompareTo(other.Hash);
            return byHash != 0 ? byHash : Block.CompareTo(other.Block);
        }
    }
}
