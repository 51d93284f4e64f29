using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using VmPod.Vault.Format;

namespace VmPod.Sync.Difference;

/// <summary>Hashes of the ids of one side by their prefixes, under the salt of one conversation (sync/SPEC.md, S-121). The upper levels are kept, the others
/// made when they are asked for.</summary>
internal sealed class DifferenceTree
{
    private readonly IIdList ids;
    private readonly byte[] salt;

    // By depth, then by NodeName.Index: how many ids, and the hash.
    private readonly int[][] counts;
    private readonly UInt128[][] hashes;

    internal DifferenceTree(IIdList ids, ReadOnlySpan<byte> salt)
    {
        this.ids = ids;
        this.salt = salt.ToArray();
        int kept = 0;
        while (kept < DifferenceLimits.KeptDepthMax && (ids.Count >> (4 * kept)) > DifferenceLimits.ListMax * 8)
            kept++;
        counts = [.. Enumerable.Range(0, kept + 1).Select(d => new int[1 << (4 * d)])];
        hashes = [.. Enumerable.Range(0, kept + 1).Select(d => new UInt128[1 << (4 * d)])];
        ReadLowest();
        for (int depth = kept - 1; depth >= 0; depth--)
        {
            for (int i = 0; i < counts[depth].Length; i++)
            {
                for (int child = i * DifferenceLimits.FanOut; child < (i + 1) * DifferenceLimits.FanOut; child++)
                    counts[depth][i] += counts[depth + 1][child];
                hashes[depth][i] = IsList(depth, counts[depth][i]) ? OfIds(depth, Within(NodeName.At(depth, i)))
                    : OfChildren(depth, hashes[depth + 1].AsSpan(i * DifferenceLimits.FanOut, DifferenceLimits.FanOut));
            }
        }
    }

    /// <summary>How many ids there are.</summary>
    internal long Count => ids.Count;

    private int KeptDepth => counts.Length - 1;

    /// <summary>Its hash: 0 if it holds nothing.</summary>
    internal UInt128 HashOf(NodeName node) => node.Depth <= KeptDepth ? hashes[node.Depth][node.Index] : OfIds(node.Depth, Within(node));

    /// <summary>The hashes of its children, which it has: it is no list.</summary>
    internal UInt128[] ChildrenOf(NodeName node)
    {
        if (node.Depth < KeptDepth)
            return hashes[node.Depth + 1][(node.Index * DifferenceLimits.FanOut)..((node.Index + 1) * DifferenceLimits.FanOut)];
        ReadOnlySpan<CellId> all = Within(node);
        var children = new UInt128[DifferenceLimits.FanOut];
        for (int nibble = 0; nibble < children.Length; nibble++)
            children[nibble] = OfIds(node.Depth + 1, Split(node.Depth, nibble, ref all));
        return children;
    }

    /// <summary>The ids of a node that is a list; null of one that is not.</summary>
    internal CellId[]? ListOf(NodeName node)
    {
        if (node.Depth <= KeptDepth)
            return IsList(node.Depth, counts[node.Depth][node.Index]) ? Within(node) : null;
        CellId[] within = Within(node);
        return IsList(node.Depth, within.Length) ? within : null;
    }

    /// <summary>All ids of a node.</summary>
    internal IEnumerable<CellId> IdsOf(NodeName node) => ids.From(node.First).TakeWhile(id => node.Holds(id));

    /// <summary>True if so many ids of a node are listed.</summary>
    internal static bool IsList(int depth, int count) => count <= DifferenceLimits.ListMax || depth == DifferenceLimits.DepthMax;

    /// <summary>The hash of a list of ids.</summary>
    internal UInt128 OfList(int depth, ReadOnlySpan<CellId> list)
    {
        if (list.IsEmpty)
            return 0;
        Span<byte> bytes = new byte[Head + list.Length * CellId.Size];
        Begin(bytes, DomainHash.DifferenceList, depth);
        for (int i = 0; i < list.Length; i++)
            list[i].WriteTo(bytes[(Head + i * CellId.Size)..]);
        return Hash(bytes);
    }

    /// <summary>The hash of a node with children, of which at least one is not empty.</summary>
    internal UInt128 OfChildren(int depth, ReadOnlySpan<UInt128> children)
    {
        Span<byte> bytes = stackalloc byte[Head + DifferenceLimits.FanOut * DifferenceLimits.HashBytes];
        Begin(bytes, DomainHash.DifferenceNode, depth);
        for (int i = 0; i < children.Length; i++)
            BinaryPrimitives.WriteUInt128BigEndian(bytes[(Head + i * DifferenceLimits.HashBytes)..], children[i]);
        return Hash(bytes);
    }

    private const int Head = 1 + DifferenceLimits.SaltBytes + 1;

    private void Begin(Span<byte> bytes, byte domain, int depth)
    {
        bytes[0] = domain;
        salt.CopyTo(bytes[1..]);
        bytes[Head - 1] = (byte)depth;
    }

    private static UInt128 Hash(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _ = SHA256.HashData(bytes, hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }

    private CellId[] Within(NodeName node) => [.. IdsOf(node)];

    private UInt128 OfIds(int depth, ReadOnlySpan<CellId> all)
    {
        if (IsList(depth, all.Length))
            return OfList(depth, all);
        Span<UInt128> children = stackalloc UInt128[DifferenceLimits.FanOut];
        for (int nibble = 0; nibble < children.Length; nibble++)
            children[nibble] = OfIds(depth + 1, Split(depth, nibble, ref all));
        return OfChildren(depth, children);
    }

    // Takes those off the front that have this nibble after the first `depth`.
    private static ReadOnlySpan<CellId> Split(int depth, int nibble, ref ReadOnlySpan<CellId> all)
    {
        int length = 0;
        while (length < all.Length && all[length].Value.Nibble(depth) == nibble)
            length++;
        ReadOnlySpan<CellId> taken = all[..length];
        all = all[length..];
        return taken;
    }

    // One pass over all ids: only those of one node of the lowest kept level are held at a time.
    private void ReadLowest()
    {
        var node = NodeName.At(KeptDepth, 0);
        var held = new List<CellId>();
        CellId? last = null;
        foreach (CellId id in ids.From(NodeName.Root.First))
        {
            if (last is { } before && before >= id)
                throw new ArgumentException("The ids of this side do not ascend.", nameof(ids));
            last = id;
            if (!node.Holds(id))
            {
                Keep();
                node = new NodeName(KeptDepth, KeptDepth == 0 ? 0 : id.Value.Prefix.High >> (64 - 4 * KeptDepth) << (64 - 4 * KeptDepth));
            }
            held.Add(id);
        }
        Keep();

        void Keep()
        {
            counts[KeptDepth][node.Index] = held.Count;
            hashes[KeptDepth][node.Index] = OfIds(KeptDepth, CollectionsMarshal.AsSpan(held));
            held.Clear();
        }
    }
}
