using System.Security.Cryptography;

namespace VmPod.Audit;

/// <summary>The right edge of a growing RFC 6962 tree: enough to add leaves and to know the root, at most 53 hashes.</summary>
internal sealed class MerkleFrontier
{
    // Roots of the perfect subtrees that the leaves so far make, greatest first: one for each set bit of Size.
    private readonly List<byte[]> roots = [];

    /// <summary>Leaves so far.</summary>
    internal long Size { get; private set; }

    internal void Add(byte[] leafHash)
    {
        byte[] node = leafHash;
        for (long bits = Size; (bits & 1) == 1; bits >>= 1)
        {
            node = MerkleHash.Node(roots[^1], node);
            roots.RemoveAt(roots.Count - 1);
        }
        roots.Add(node);
        Size++;
    }

    /// <summary>The root of the tree over all leaves so far; of none, the hash of nothing.</summary>
    internal byte[] Root()
    {
        if (roots.Count == 0)
            return SHA256.HashData([]);
        byte[] root = roots[^1];
        for (int i = roots.Count - 2; i >= 0; i--)
            root = MerkleHash.Node(roots[i], root);
        return root;
    }
}
