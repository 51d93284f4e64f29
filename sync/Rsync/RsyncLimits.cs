namespace VmPod.Sync.Rsync;

/// <summary>Every bound of this project, with its reason (sync/Rsync/SPEC.md).</summary>
public static class RsyncLimits
{
    /// <summary>The version of both files.</summary>
    public const byte Version = 1;

    /// <summary>Bytes of the metadata, which are 110 to 260 today: room for a few members more, and no room for anything else.</summary>
    public const int MetadataBytesMax = 1024;

    /// <summary>Bytes of the largest block: the format counts them as a signed number of 16 bits, and its library stops here.</summary>
    public const int BlockBytesMax = 31 * 1024;

    /// <summary>Bytes of the smallest block, but for a last one: the library's own bound. Below it a block's entry weighs a tenth of the block.</summary>
    public const int BlockBytesMin = 128;

    /// <summary>Blocks of one signature: 32 MiB of tables to search them, and 31 GiB of file with the largest blocks.</summary>
    public const int BlocksMax = 1 << 20;

    /// <summary>Bytes of a block's entry in a signature: length 2, rolling sum 4, hash 8.</summary>
    public const int BlockEntryBytes = 2 + 4 + 8;

    /// <summary>Bytes of a copy command: type 1, offset 8, length 8.</summary>
    public const int CopyCommandBytes = 1 + 8 + 8;

    /// <summary>Bytes before the data of a data command: type 1, length 8.</summary>
    public const int DataCommandBytes = 1 + 8;

    /// <summary>The shortest copy that is worth its command and the data command that it parts in two: so a delta is never larger than what it makes.</summary>
    public const int CopyBytesMin = 32;

    /// <summary>Bytes of the new file that a search holds: data that matches nothing is written in pieces of half of it.</summary>
    public const int ScanBytes = 1024 * 1024;

    /// <summary>Bytes read at a time of a file that comes or of a basis.</summary>
    public const int ReadBytes = 64 * 1024;

    /// <summary>Bytes that may be hashed in vain for each byte of the new file. Rolling sums are 32 bits that a peer chose: with sums that match everywhere,
    /// each place would cost the hash of a block. Beyond it the rest is sent as it is.</summary>
    public const int FutileFactor = 8;

    /// <summary>What a file may have hashed in vain whatever its size: a few blocks.</summary>
    public const long FutileBytesBase = 1024 * 1024;

    /// <summary>Bytes that a delta may have, beyond the metadata, for an output of so many: one larger than twice that says nothing which the output itself
    /// would not say shorter. A copy costs 17 bytes, so this also bounds how often a reader seeks.</summary>
    public static long DeltaBytesMax(long outputBytesMax) =>
        outputBytesMax > long.MaxValue / 4 ? long.MaxValue : 2 * outputBytesMax + 4 * MetadataBytesMax;
}
