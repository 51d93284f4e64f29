namespace VmPod.Sync.Rsync.Signatures;

/// <summary>How a signature is made.</summary>
/// <param name="BlockBytes">Bytes of a block, <see cref="RsyncLimits.BlockBytesMin"/> to <see cref="RsyncLimits.BlockBytesMax"/>.</param>
/// <param name="Hash">What tells two blocks apart.</param>
/// <param name="Rolling">What finds them at any place.</param>
public readonly record struct SignatureOptions(int BlockBytes, BlockHash Hash = BlockHash.Xxh3, RollingChecksum Rolling = RollingChecksum.Adler32V3)
{
    // Multiples of this keep blocks of usual sizes at the begins of cache lines.
    private const int BlockUnitBytes = 64;

    /// <summary>Blocks for a file of which it is not known how it changes: of about the square root of its size, as rsync has them.</summary>
    /// <param name="basisBytes">Bytes of the file.</param>
    public static SignatureOptions For(long basisBytes)
    {
        long block = ((long)Math.Sqrt(basisBytes) + BlockUnitBytes - 1) / BlockUnitBytes * BlockUnitBytes;
        return new SignatureOptions((int)Math.Clamp(block, RsyncLimits.BlockBytesMin, RsyncLimits.BlockBytesMax));
    }
}
