namespace VmPod.Sync.Difference;

/// <summary>Every bound of the keyless set difference, with its reason (sync/SPEC.md, S-120 to S-128).</summary>
public static class DifferenceLimits
{
    /// <summary>Children of a node: one for each value of four bits (DESIGN.md, rule 21).</summary>
    public const int FanOut = 16;

    /// <summary>Bytes of a node's hash: nobody knows the salt before the two sides talk, so that a collision cannot be prepared.</summary>
    public const int HashBytes = 16;

    /// <summary>Bytes of the salt.</summary>
    public const int SaltBytes = 16;

    /// <summary>Ids of a node that is a list, not an inner node: below it 16 hashes of children cost about what the ids do.</summary>
    public const int ListMax = 32;

    /// <summary>Depth at which every node is a list: 64 bits of an id. Who grinds ids to share more spends more than 2^64 hashes for each.</summary>
    public const int DepthMax = 16;

    /// <summary>Ids of a list at <see cref="DepthMax"/>: no store has as many there, unless a hash function broke.</summary>
    public const int DeepListMax = 256;

    /// <summary>Nodes that one question asks for: so that its answer has at most <see cref="AnswerBytesMax"/>, if no list is a deep one.</summary>
    public const int NodesPerQuestion = 60;

    /// <summary>Bytes of a question: depth, count, and 8 bytes for each node.</summary>
    public const int QuestionBytesMax = 1 + 2 + NodesPerQuestion * 8;

    /// <summary>Bytes of an answer: what a frame of 64 KiB holds. An answer that would be longer is refused by whoever makes it.</summary>
    public const int AnswerBytesMax = 65_536;

    /// <summary>Nodes of the deepest level of which the hashes are kept: 20 MiB. A store of more than 256 million cells hashes some more than once.</summary>
    public const int KeptDepthMax = 5;
}
