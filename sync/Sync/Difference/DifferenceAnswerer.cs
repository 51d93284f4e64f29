using System.Buffers.Binary;
using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Difference;

/// <summary>The side that tells what it has (sync/SPEC.md, S-120 to S-126). It learns nothing of the other one but which nodes it asks for.</summary>
/// <param name="here">The ids of this side.</param>
public sealed class DifferenceAnswerer(IIdList here)
{
    private DifferenceTree? tree;

    /// <summary>Answers one question, in at most <see cref="DifferenceLimits.AnswerBytesMax"/> bytes.</summary>
    /// <exception cref="VmPodException">It is none (5).</exception>
    public ReadOnlyMemory<byte> Answer(ReadOnlySpan<byte> question)
    {
        var answer = new MemoryStream();
        if (tree is null)
        {
            if (question.Length != 1 + DifferenceLimits.SaltBytes || question[0] != 0)
                throw Wrong("does not begin with a salt");
            tree = new DifferenceTree(here, question[1..]);
            Span<byte> count = stackalloc byte[8];
            BinaryPrimitives.WriteInt64BigEndian(count, tree.Count);
            answer.Write(count);
            if (tree.Count > 0)
                Describe(NodeName.Root, answer);
            return answer.ToArray();
        }
        var reader = new ByteReader(question);
        int depth = reader.Byte(), nodes = reader.UInt16();
        if (depth is < 1 or > DifferenceLimits.DepthMax || nodes is < 1 or > DifferenceLimits.NodesPerQuestion
            || reader.Remaining != nodes * NodeName.BytesAt(depth))
        {
            throw Wrong("is not as long as it says");
        }
        NodeName? last = null;
        for (int i = 0; i < nodes; i++)
        {
            if (!NodeName.TryRead(depth, reader.Bytes(NodeName.BytesAt(depth)), out NodeName node) || last is { } before && before.Bits >= node.Bits)
                throw Wrong("names nodes that do not ascend");
            last = node;
            Describe(node, answer);
        }
        return answer.ToArray();
    }

    private void Describe(NodeName node, MemoryStream answer)
    {
        Span<byte> bytes = stackalloc byte[CellId.Size];
        if (tree!.ListOf(node) is { } list)
        {
            if (list.Length is 0 or > DifferenceLimits.DeepListMax || answer.Length + 3 + list.Length * CellId.Size > DifferenceLimits.AnswerBytesMax)
                throw Wrong("asks for what is not there, or cannot be told");
            answer.WriteByte((byte)NodeKind.List);
            BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)list.Length);
            answer.Write(bytes[..2]);
            foreach (CellId id in list)
            {
                id.WriteTo(bytes);
                answer.Write(bytes);
            }
            return;
        }
        answer.WriteByte((byte)NodeKind.Inner);
        foreach (UInt128 child in tree.ChildrenOf(node))
        {
            BinaryPrimitives.WriteUInt128BigEndian(bytes, child);
            answer.Write(bytes[..DifferenceLimits.HashBytes]);
        }
    }

    private static VmPodException Wrong(string why) => new(ExitCode.Damaged, $"A question for the difference of two stores {why}.",
        "The other side is not this program, or not this version.");
}
