namespace VmPod.Sync.Rsync.Signatures;

/// <summary>The blocks of a signature while it is made or read: two arrays, which grow with what is there and never with what is said.</summary>
internal sealed class BlockList
{
    private const int FirstCount = 64;

    private uint[] sums = new uint[FirstCount];
    private ulong[] hashes = new ulong[FirstCount];

    internal int Count { get; private set; }

    internal uint[] Sums => sums[..Count];

    internal ulong[] Hashes => hashes[..Count];

    internal void Add(uint sum, ulong hash)
    {
        if (Count == RsyncLimits.BlocksMax)
            throw RsyncFault.Beyond($"a signature has {RsyncLimits.BlocksMax} blocks at most, and this file wants larger ones");
        if (Count == sums.Length)
        {
            Array.Resize(ref sums, 2 * Count);
            Array.Resize(ref hashes, 2 * Count);
        }
        (sums[Count], hashes[Count]) = (sum, hash);
        Count++;
    }
}
