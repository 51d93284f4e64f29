namespace VmPod.Vault.Format;

/// <summary>
/// Numbers of streams that the map has and no manifest lists (SPEC V-150): what hosts keep with a session and no reader gives back as a file.
/// </summary>
public static class InternalStream
{
    /// <summary>The lowest such number: a manifest's streams are below 2^31 - 1.</summary>
    public const uint First = 0x8000_0000;

    /// <summary>Pages that were read first after a resume, joined: payloads that only tables of other chunks name (SPEC V-151).</summary>
    public const uint FirstUsePages = MetadataStream.First - 1;

    /// <summary>Chunk 0: which pages those are, in the order of use (SPEC V-152).</summary>
    public const uint FirstUseList = MetadataStream.First - 2;
}
