namespace VmPod.Vault.Format;

/// <summary>How a payload's bytes give its chunk (SPEC, "Codecs"). A chunk of zeros has no payload: only the map says so.</summary>
public enum Codec : byte
{
    /// <summary>The chunk as it is.</summary>
    Raw = 1,

    /// <summary>One zstd frame (RFC 8878) of the chunk alone; no dictionary, so that sizes of chunks tell nothing of each other.</summary>
    Zstd = 2,

    /// <summary>Reserved: changed pages against an older payload of the same chunk.</summary>
    Patch = 3,

    /// <summary>Reserved: pages that stand on the disk, by reference.</summary>
    PageRef = 4,

    /// <summary>Reserved: copy and insert against an older payload.</summary>
    Delta = 5,
}
