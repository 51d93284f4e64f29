namespace VmPod.Vault.Format;

/// <summary>Every bound of the format, in one place, each with its reason.</summary>
public static class FormatLimits
{
    /// <summary>Bytes of a chunk: 16 pages of 4 KiB, one grain of a VMDK. A fixed grid leaks no boundary (SPEC V-01).</summary>
    public const int ChunkBytes = 64 * 1024;

    /// <summary>Chunks that may share one frame: where few pages of each are new, they lie this far apart at most.</summary>
    public const int GroupChunksMax = 16;

    /// <summary>Bytes of plaintext in a frame that chunks share: a page costs the time to decode all. Four chunks give most of what more would.</summary>
    public const int GroupBytesMax = 4 * ChunkBytes;

    /// <summary>Bytes of a payload that chunks share: it must touch no more cells than a chunk alone.</summary>
    public const int GroupPayloadBytesMax = ChunkBytes;

    /// <summary>Bytes of a page of guest memory.</summary>
    public const int PageBytes = 4096;

    /// <summary>A cell is a whole number of these: pages of the host and blocks of the disk.</summary>
    public const int CellUnitBytes = 4096;

    /// <summary>Smallest cell: below it the 64 bytes of header and tag and the directory weigh too much.</summary>
    public const int CellBytesMin = 16 * 1024;

    /// <summary>Largest cell: above it a lazy read of one page moves too much over a radio link.</summary>
    public const int CellBytesMax = 256 * 1024;

    /// <summary>Bytes of a cell unless the vault says otherwise; settled by measurement, see vault/README.md.</summary>
    public const int CellBytesDefault = 64 * 1024;

    /// <summary>Cells that one payload may touch: a chunk in the smallest cells, unaligned.</summary>
    public static int PayloadCellsMax(int cellBytes) => (ChunkBytes + CellLayout.Capacity(cellBytes) - 1) / CellLayout.Capacity(cellBytes) + 1;

    /// <summary>Bytes of a stream: 16 TiB, so that a chunk number fits 28 bits and sums never overflow.</summary>
    public const long StreamBytesMax = 1L << 44;

    /// <summary>Streams of a session: a VM has tens of files; the rest is room.</summary>
    public const int StreamsMax = 4096;

    /// <summary>Bytes of a stream's name in UTF-8: PATH_MAX of Linux less some room.</summary>
    public const int NameBytesMax = 2048;

    /// <summary>Bytes of a session's name in UTF-8.</summary>
    public const int SessionNameBytesMax = 128;

    /// <summary>Bytes of a manifest: the streams' names are most of it.</summary>
    public const int ManifestBytesMax = 16 * 1024 * 1024;

    /// <summary>Cells that hold one manifest.</summary>
    public const int ManifestCellsMax = 1024;

    /// <summary>Runs of one table: with sizes that at least double, 40 is more than any session can make.</summary>
    public const int RunsMax = 64;

    /// <summary>Leaves of one run: 2^20 leaves of about 1,300 entries map more than 2^44 bytes.</summary>
    public const int LeavesMax = 1 << 20;

    /// <summary>Ids that one commit may add or drop: 4 million cells of 64 KiB are 256 GiB.</summary>
    public const int CommitIdsMax = 1 << 22;

    /// <summary>Forks of one session: one a week for five years. Each costs a lease that the owner granted; beyond it somebody makes them.</summary>
    public const int ForksMax = 256;

    /// <summary>Bytes of a wrapped key: salt 16, ciphertext 32, tag 16.</summary>
    public const int WrappedKeyBytes = 64;

    /// <summary>Leases of one session whose keys a home host can have of a locked pod, the newest: three a day for almost four years, in 288 KiB. Cells of
    /// older ones wait for an unlock.</summary>
    public const int HomeLeaseKeysMax = 4096;

    /// <summary>By how much a commit's number may exceed the one before: a number for each cell that a lease may send, many times over. Without it one
    /// commit could use up all numbers, and be the session's last.</summary>
    public const ulong BatchesOfOneCommitMax = 1UL << 32;
}
