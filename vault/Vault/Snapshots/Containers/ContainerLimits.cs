namespace VmPod.Vault.Snapshots.Containers;

/// <summary>Every bound on what a VMDK may ask of a put, and a layout of a get, each with its reason. Beyond them a file is stored plainly.</summary>
internal static class ContainerLimits
{
    /// <summary>Smallest grain: the format has none below 8 sectors, and the largest stream has 2^32 of them: a grain's number fits 32 bits.</summary>
    public const int GrainBytesMin = 4096;

    /// <summary>Largest grain: one is inflated in locked memory, by each thread. VMware and QEMU write 64 KiB.</summary>
    public const int GrainBytesMax = 1 << 20;

    /// <summary>Entries of a grain table: all writers have 512.</summary>
    public const int TableEntriesMax = 512;

    /// <summary>Grain tables of a file: 8 TiB in grains of 64 KiB. Each costs a read of 2 KiB, before anything else is known of the file.</summary>
    public const int TablesMax = 1 << 18;

    /// <summary>Runs of grains that lie together in disk and file, of all files of a put: 128 GiB in single grains of 64 KiB, without order; most disks
    /// have runs of many. 16 bytes each, two or three times over.</summary>
    public const int PlacementsMax = 1 << 21;

    /// <summary>Operations of a program, each 40 bytes to a reader: a disk without order has hardly more than it has runs.</summary>
    public const int OperationsMax = 1 << 21;

    /// <summary>Bytes of the programs of all layouts of a put: four for each of the most placements, and as much for what stands between them.</summary>
    public const int ProgramBytesMax = 16 << 20;

    /// <summary>A run of zeros shorter than this stays literal: operations cost memory, and codecs see to short runs.</summary>
    public const int ZerosMin = 256;

    /// <summary>A file whose layout would hold more than this share (in percent) of it as literal bytes is stored plainly: those lie on no grid.</summary>
    public const int LiteralPercentMax = 25;

    /// <summary>Literal bytes that are no reason to store a file plainly, however short it is.</summary>
    public const int LiteralBytesFree = 1 << 20;

    /// <summary>Deflated grains that are tried before a file is given up of which none can be made again.</summary>
    public const int GrainsTriedMin = 64;

    /// <summary>Candidates that the search for matches may look at, for each byte of a grain, before the grain counts as one that cannot be made again. Level 9
    /// on text takes about a tenth; bytes made to be dear take 4,096, which would be seconds for a grain.</summary>
    public const int DeflateStepsPerByte = 256;
}
