using System.Numerics;

namespace VmPod.Audit;

/// <summary>Inclusion proofs of RFC 6962 section 2.1.1, checked as RFC 9162 section 2.1.3.2 says.</summary>
public static class InclusionProof
{
    /// <summary>Whether <paramref name="proof"/> shows that leaf <paramref name="index"/> of a tree of <paramref name="size"/> leaves has
    /// this hash.</summary>
    /// <param name="index">Number of the leaf, from 0.</param>
    /// <param name="size">Leaves of the tree.</param>
    /// <param name="leafHash">32 bytes.</param>
    /// <param name="root">32 bytes.</param>
    /// <param name="proof">Hashes of 32 bytes, the leaf's sibling first.</param>
    public static bool Verify(long index, long size, ReadOnlySpan<byte> leafHash, ReadOnlySpan<byte> root, IReadOnlyList<byte[]> proof)
    {
        if (index < 0 || index >= size || leafHash.Length != MerkleHash.Size || root.Length != MerkleHash.Size)
            return false;
        long fn = index, sn = size - 1;
        byte[] hash = leafHash.ToArray();
        foreach (byte[] sibling in proof)
        {
            if (sn == 0 || sibling.Length != MerkleHash.Size)
                return false;
            if ((fn & 1) == 1 || fn == sn)
            {
                hash = MerkleHash.Node(sibling, hash);
                int shift = (fn & 1) == 1 ? 0 : BitOperations.TrailingZeroCount(fn);
                // A leaf at the right edge has no sibling on these levels. fn = 0 = sn cannot be here: sn is not 0.
                fn >>= shift;
                sn >>= shift;
            }
            else
                hash = MerkleHash.Node(hash, sibling);
            fn >>= 1;
            sn >>= 1;
        }
        return sn == 0 && root.SequenceEqual(hash);
    }

    /// <summary>The subtrees whose roots are the proof of a leaf, the leaf's sibling first: leaves from Start to before End.</summary>
    internal static List<(long Start, long End)> Subtrees(long index, long size)
    {
        List<(long, long)> subtrees = [];
        (long start, long end) = (0, size);
        while (end - start > 1)
        {
            // The greatest power of two below the number of leaves (RFC 6962 section 2.1).
            long middle = start + (1L << BitOperations.Log2((ulong)(end - start - 1)));
            if (index < middle)
            {
                subtrees.Add((middle, end));
                end = middle;
            }
            else
            {
                subtrees.Add((start, middle));
                start = middle;
            }
        }
        subtrees.Reverse();
        return subtrees;
    }
}
