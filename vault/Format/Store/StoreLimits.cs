namespace VmPod.Vault.Format.Store;

/// <summary>Every bound of the keyless store, with its reason.</summary>
public static class StoreLimits
{
    /// <summary>Bytes of vault.json. Six short fields take 230.</summary>
    public const int DescriptorBytesMax = 4 * 1024;

    /// <summary>Smallest cell. Below it, header and directory weigh too much (rule 30).</summary>
    public const int CellBytesMin = 16 * 1024;

    /// <summary>Largest cell. Above it, one page of memory costs too much to fetch (rule 30).</summary>
    public const int CellBytesMax = 256 * 1024;

    /// <summary>A cell is a whole number of these (VPR1 counts its length in them).</summary>
    public const int CellUnitBytes = 4 * 1024;

    /// <summary>Cells in a segment file: 64 MiB at 64 KiB.</summary>
    public const int SegmentCells = 1024;

    /// <summary>Segments of a vault: six digits in the file name; 64 TB at 64 KiB.</summary>
    public const int SegmentsMax = 1_000_000;

    /// <summary>Payload of one log entry. It may carry the list of ids of a first commit: 2 million of them.</summary>
    public const int EntryBytesMax = 64 * 1024 * 1024;

    /// <summary>Payload of one HEAD entry. 4,096 sessions take 529 KiB.</summary>
    public const int HeadBytesMax = 1024 * 1024;

    /// <summary>Sessions of one vault.</summary>
    public const int SessionsMax = 4096;

    /// <summary>Bytes of one slot: the page and sector of every disk that matters.</summary>
    public const int SlotBytes = 4096;

    /// <summary>Bytes before the payload of a log entry: u32be length, u8 type.</summary>
    public const int EntryHeaderBytes = 5;
}
