namespace VmPod.Sync.Mirror;

/// <summary>What a pod is to a mirror that saw a head of it.</summary>
public enum MirrorVerdict : byte
{
    /// <summary>The mirror has no head yet.</summary>
    New = 0,

    /// <summary>Its head is the one that the mirror has.</summary>
    Same = 1,

    /// <summary>It went on from there.</summary>
    Newer = 2,

    /// <summary>It is an older state than the mirror has.</summary>
    Older = 3,

    /// <summary>It has another history.</summary>
    Forked = 4,
}
