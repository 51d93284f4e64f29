using System.IO.Hashing;

namespace VmPod.Sync.Rsync.Sums;

/// <summary>Both sums of a block.</summary>
internal static class BlockSums
{
    internal static uint Rolling(RollingChecksum kind, ReadOnlySpan<byte> block) =>
        kind == RollingChecksum.Adler32V3 ? AdlerSums.Prime(block) : AdlerSums.Binary(block);

    /// <summary>As a number; files have its lowest byte first.</summary>
    internal static ulong Hash(BlockHash kind, ReadOnlySpan<byte> block) =>
        kind == BlockHash.Xxh3 ? XxHash3.HashToUInt64(block) : XxHash64.HashToUInt64(block);
}
