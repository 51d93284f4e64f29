using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Difference;

/// <summary>
/// The side that finds out what the other one has and it has not, and the other way round, without either listing what both have (sync/SPEC.md, S-120 to
/// S-128; after Merkle, "A digital signature based on a conventional encryption function", 1987). Pure: questions and answers are carried by the caller.
/// </summary>
/// <remarks>
/// Nothing that the other side says is believed beyond its own word: each answer must hash to what the one above it announced, so all answers together
/// describe one set, of as many ids as the first one said; work and memory are bounded by that number.
/// </remarks>
public sealed class DifferenceAsker
{
    private readonly DifferenceTree tree;
    private readonly byte[] salt;
    private readonly Queue<(NodeName Node, UInt128 Hash)> pending = new();
    private readonly Queue<(NodeName Node, UInt128 Hash)[]> asked = new();
    private readonly long[] innerAt = new long[DifferenceLimits.DepthMax + 1];
    private readonly List<CellId> onlyThere = [], onlyHere = [];
    private readonly long idsMax;
    private long there, listed;
    private bool hasBegun, isRootAnswered;

    /// <summary>Begins.</summary>
    /// <param name="here">The ids of this side.</param>
    /// <param name="idsMax">The most ids that the other side may have.</param>
    public DifferenceAsker(IIdList here, long idsMax = SyncLimits.ListedIdsMax)
        : this(here, RandomNumberGenerator.GetBytes(DifferenceLimits.SaltBytes), idsMax)
    {
    }

    /// <summary>Begins with a given salt, for known answers.</summary>
    internal DifferenceAsker(IIdList here, byte[] salt, long idsMax)
    {
        this.salt = salt;
        this.idsMax = idsMax;
        tree = new DifferenceTree(here, salt);
    }

    /// <summary>What only the other side has, as far as it was found; ascending once <see cref="IsDone"/>.</summary>
    public IReadOnlyList<CellId> OnlyThere => onlyThere;

    /// <summary>What only this side has, as far as it was found; ascending once <see cref="IsDone"/>.</summary>
    public IReadOnlyList<CellId> OnlyHere => onlyHere;

    /// <summary>How many ids the other side says it has; 0 before the first answer.</summary>
    public long CountThere => there;

    /// <summary>True once the difference is known.</summary>
    public bool IsDone => isRootAnswered && pending.Count == 0 && asked.Count == 0;

    /// <summary>The next question, if there is one that does not wait for an answer: several may be on their way, and are answered in order.</summary>
    public bool TryNextQuestion(out ReadOnlyMemory<byte> question)
    {
        question = default;
        if (!hasBegun)
        {
            hasBegun = true;
            question = (byte[])[0, .. salt];
            return true;
        }
        if (!pending.TryPeek(out (NodeName Node, UInt128 Hash) first))
            return false;
        int depth = first.Node.Depth;
        var nodes = new List<(NodeName, UInt128)>();
        // Nodes of one depth stand together: each is asked for after all that are above it.
        while (nodes.Count < DifferenceLimits.NodesPerQuestion && pending.TryPeek(out (NodeName Node, UInt128 Hash) next) && next.Node.Depth == depth)
            nodes.Add(pending.Dequeue());
        nodes.Sort((a, b) => a.Item1.Bits.CompareTo(b.Item1.Bits));
        byte[] bytes = new byte[3 + nodes.Count * NodeName.BytesAt(depth)];
        var writer = new Wire.SpanWriter(bytes);
        writer.Byte((byte)depth);
        writer.UInt16(nodes.Count);
        Span<byte> name = stackalloc byte[8];
        foreach ((NodeName node, UInt128 _) in nodes)
        {
            node.WriteTo(name);
            writer.Bytes(name[..NodeName.BytesAt(depth)]);
        }
        writer.End();
        asked.Enqueue([.. nodes]);
        question = bytes;
        return true;
    }

    /// <summary>Takes the answer to the oldest question that has none.</summary>
    /// <exception cref="VmPodException">It is none, or not of the set that the answers before it describe (5); the other side has too many ids (8).</exception>
    public void Take(ReadOnlySpan<byte> answer)
    {
        var reader = new ByteReader(answer);
        if (!isRootAnswered)
        {
            TakeRoot(ref reader);
        }
        else
        {
            if (!asked.TryDequeue(out (NodeName Node, UInt128 Hash)[]? nodes))
                throw Wrong("came without a question");
            foreach ((NodeName node, UInt128 hash) in nodes)
                TakeNode(node, hash, ref reader);
        }
        if (!reader.IsAtEnd)
            throw Wrong("is not as long as it says");
        if (IsDone)
        {
            onlyThere.Sort();
            onlyHere.Sort();
        }
    }

    private void TakeRoot(ref ByteReader reader)
    {
        if (!hasBegun)
            throw Wrong("came without a question");
        there = reader.Length();
        if (there > idsMax)
        {
            throw new VmPodException(ExitCode.NoSpace, $"The other side says that it has {there} cells; {idsMax} is the most.",
                "It is not a pod of this size.");
        }
        isRootAnswered = true;
        if (reader.Failed)
            return;
        if (there == 0)
            onlyHere.AddRange(tree.IdsOf(NodeName.Root));
        else
            TakeNode(NodeName.Root, announced: null, ref reader);
    }

    private void TakeNode(NodeName node, UInt128? announced, ref ByteReader reader)
    {
        switch ((NodeKind)reader.Byte())
        {
            case NodeKind.Inner:
                TakeInner(node, announced, ref reader);
                break;
            case NodeKind.List:
                TakeList(node, announced, ref reader);
                break;
            default:
                throw Wrong("describes a node in no known way");
        }
    }

    private void TakeInner(NodeName node, UInt128? announced, ref ByteReader reader)
    {
        Span<UInt128> children = stackalloc UInt128[DifferenceLimits.FanOut];
        foreach (ref UInt128 child in children)
            child = reader.UInt128();
        if (reader.Failed || node.Depth == DifferenceLimits.DepthMax)
            throw Wrong("ends early, or below the deepest node");
        Check(node, announced, tree.OfChildren(node.Depth, children));
        // An inner node has more ids than a list: a set of so many ids has no more of them at one depth.
        if (++innerAt[node.Depth] > there / (DifferenceLimits.ListMax + 1))
            throw Wrong("describes more ids than it says there are");
        for (int nibble = 0; nibble < children.Length; nibble++)
        {
            NodeName child = node.Child(nibble);
            if (children[nibble] == 0)
                onlyHere.AddRange(tree.IdsOf(child));
            else if (children[nibble] != tree.HashOf(child))
                pending.Enqueue((child, children[nibble]));
        }
    }

    private void TakeList(NodeName node, UInt128? announced, ref ByteReader reader)
    {
        int count = reader.UInt16();
        if (reader.Failed || count < 1 || count > (node.Depth == DifferenceLimits.DepthMax ? DifferenceLimits.DeepListMax : DifferenceLimits.ListMax)
            || reader.Remaining < count * CellId.Size || (listed += count) > there)
        {
            throw Wrong("lists more ids than it says there are, or none");
        }
        var ids = new CellId[count];
        for (int i = 0; i < count; i++)
        {
            ids[i] = CellId.ReadFrom(reader.Bytes(CellId.Size));
            if (!node.Holds(ids[i]) || (i > 0 && ids[i - 1] >= ids[i]))
                throw Wrong("lists ids that do not ascend, or of another node");
        }
        Check(node, announced, tree.OfList(node.Depth, ids));
        int at = 0;
        foreach (CellId mine in tree.IdsOf(node))
        {
            while (at < ids.Length && ids[at] < mine)
                onlyThere.Add(ids[at++]);
            if (at < ids.Length && ids[at] == mine)
                at++;
            else
                onlyHere.Add(mine);
        }
        onlyThere.AddRange(ids.AsSpan(at));
    }

    private static void Check(NodeName node, UInt128? announced, UInt128 found)
    {
        if (announced is { } hash && hash != found)
            throw Wrong($"is not what was announced at depth {node.Depth}");
    }

    private static VmPodException Wrong(string why) => new(ExitCode.Damaged, $"An answer about the difference of two stores {why}.",
        "The other side is not this program, or its store changed meanwhile: try again.");
}
