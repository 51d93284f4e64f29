namespace VmPod.Sync.Rsync.Signatures;

/// <summary>
/// What a file's owner tells of it, so that another side can say what differs: a rolling sum and a hash of each block. Blocks have one size, but for the last
/// one, which may be shorter. It says nothing that could be relied on: its maker may have lied.
/// </summary>
public sealed class Signature
{
    private readonly uint[] sums;
    private readonly ulong[] hashes;

    internal Signature(BlockHash hash, RollingChecksum rolling, int blockBytes, int lastBlockBytes, BlockList blocks, FileHash? basisHash)
    {
        (Hash, Rolling, BlockBytes, LastBlockBytes, BasisHash) = (hash, rolling, blockBytes, lastBlockBytes, basisHash);
        (sums, hashes) = (blocks.Sums, blocks.Hashes);
    }

    /// <summary>The hash of its blocks.</summary>
    public BlockHash Hash { get; }

    /// <summary>Their rolling sum.</summary>
    public RollingChecksum Rolling { get; }

    /// <summary>Blocks.</summary>
    public int Count => sums.Length;

    /// <summary>Bytes of a block; of the only one its own; 0 of an empty file.</summary>
    public int BlockBytes { get; }

    /// <summary>Bytes of the last block, 1 to <see cref="BlockBytes"/>; 0 of an empty file.</summary>
    public int LastBlockBytes { get; }

    /// <summary>Blocks of full size.</summary>
    public int FullBlocks => LastBlockBytes == BlockBytes ? Count : Count - 1;

    /// <summary>Bytes of the file.</summary>
    public long BasisBytes => Count == 0 ? 0 : (Count - 1L) * BlockBytes + LastBlockBytes;

    /// <summary>What its maker says to be the hash of the whole file; null if nothing.</summary>
    public FileHash? BasisHash { get; }

    /// <summary>The rolling sum of a block.</summary>
    public uint SumOf(int block) => sums[block];

    /// <summary>The hash of a block.</summary>
    public ulong HashOf(int block) => hashes[block];
}
