namespace VmPod.Sync.Difference;

/// <summary>How an answer describes a node (S-123).</summary>
internal enum NodeKind : byte
{
    /// <summary>The hashes of its sixteen children.</summary>
    Inner = 1,

    /// <summary>Its ids.</summary>
    List = 2,
}
