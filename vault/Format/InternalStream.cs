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

    /// <summary>Chunk 0: the <see cref="SessionNotes"/>, which pages those are among them (SPEC V-152).</summary>
    public const uint Notes = MetadataStream.First - 2;

    /// <summary>Chunks 0 to 7: parts of the page index (SPEC V-153).</summary>
    public const uint PageIndex = MetadataStream.First - 3;

    /// <summary>Chunk 0: how the session's chunks are to be stored (SPEC V-154).</summary>
    public const uint Policy = MetadataStream.First - 4;

    /// <summary>A chunk for each cell that only makes a commit longer (SPEC V-156).</summary>
    public const uint Padding = MetadataStream.First - 5;
}
