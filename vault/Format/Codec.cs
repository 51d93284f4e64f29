namespace VmPod.Vault.Format;

/// <summary>How a payload's bytes give its chunk (SPEC, "Codecs"). A chunk of zeros has no payload: only the map says so.</summary>
public enum Codec : byte
{
    /// <summary>The chunk as it is.</summary>
    Raw = 1,

    /// <summary>One zstd frame (RFC 8878) of the chunk alone; no dictionary.</summary>
    Zstd = 2,

    /// <summary>Some of the chunk's pages, all or some of them as differences from pages of one other payload (SPEC V-144).</summary>
    Patch = 3,

    /// <summary>Some of the chunk's pages; the others stand in other payloads (SPEC V-143).</summary>
    PageRef = 4,

    /// <summary>The chunk as a difference from one to three other payloads (SPEC V-145).</summary>
    Delta = 5,

    /// <summary>Pages of several chunks of one stream as one zstd frame (SPEC V-147).</summary>
    Group = 6,
}
