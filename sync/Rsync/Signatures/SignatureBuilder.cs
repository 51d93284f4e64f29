using System.IO.Hashing;
using VmPod.Foundation;
using VmPod.Sync.Rsync.Sums;

namespace VmPod.Sync.Rsync.Signatures;

/// <summary>Makes the signature of a file in one pass.</summary>
public static class SignatureBuilder
{
    // Blocks are hashed in runs that were read at once.
    private const int RunBytes = 256 * 1024;

    /// <summary>Of a stream, from where it stands to its end.</summary>
    /// <exception cref="VmPodException">It has more than <see cref="RsyncLimits.BlocksMax"/> blocks (exit code 8).</exception>
    public static Signature Build(Stream basis, SignatureOptions options)
    {
        ArgumentNullException.ThrowIfNull(basis);
        Check(options);
        byte[] run = new byte[Math.Max(1, RunBytes / options.BlockBytes) * options.BlockBytes];
        (var blocks, var whole) = (new BlockList(), new XxHash3());
        int last = 0;
        while (basis.ReadAtLeast(run, run.Length, throwOnEndOfStream: false) is > 0 and int read)
        {
            last = Add(run.AsSpan(0, read), options, blocks);
            whole.Append(run.AsSpan(0, read));
        }
        return Made(options, last, blocks, whole.GetCurrentHashAsUInt64());
    }

    /// <summary>Of bytes.</summary>
    /// <exception cref="VmPodException">They have more than <see cref="RsyncLimits.BlocksMax"/> blocks (exit code 8).</exception>
    public static Signature Build(ReadOnlySpan<byte> basis, SignatureOptions options)
    {
        Check(options);
        var blocks = new BlockList();
        return Made(options, Add(basis, options, blocks), blocks, XxHash3.HashToUInt64(basis));
    }

    private static int Add(ReadOnlySpan<byte> bytes, SignatureOptions options, BlockList blocks)
    {
        int length = 0;
        for (; !bytes.IsEmpty; bytes = bytes[length..])
        {
            length = Math.Min(options.BlockBytes, bytes.Length);
            blocks.Add(BlockSums.Rolling(options.Rolling, bytes[..length]), BlockSums.Hash(options.Hash, bytes[..length]));
        }
        return length;
    }

    // The only block of a small file is what a reader will take for the size of blocks.
    private static Signature Made(SignatureOptions options, int last, BlockList blocks, ulong whole) =>
        new(options.Hash, options.Rolling, blocks.Count > 1 ? options.BlockBytes : last, last, blocks, FileHash.OfXxh3(whole));

    private static void Check(SignatureOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BlockBytes, RsyncLimits.BlockBytesMin, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.BlockBytes, RsyncLimits.BlockBytesMax, nameof(options));
    }
}
