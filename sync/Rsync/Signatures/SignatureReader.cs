using System.Buffers.Binary;
using VmPod.Foundation;

namespace VmPod.Sync.Rsync.Signatures;

/// <summary>Reads signatures that came from outside (SPEC S-140 to S-143).</summary>
public static class SignatureReader
{
    /// <summary>From a stream, to its end.</summary>
    /// <param name="signature">Where it stands.</param>
    /// <param name="basisBytesMax">The most bytes that the file which it describes may have.</param>
    /// <exception cref="VmPodException">It is malformed (exit code 5), of a kind that is not taken (4), or of a larger file (8).</exception>
    public static Signature Read(Stream signature, long basisBytesMax)
    {
        ArgumentNullException.ThrowIfNull(signature);
        var input = new RsyncInput(signature, long.MaxValue);
        return Read(ref input, basisBytesMax);
    }

    /// <summary>From bytes: all of them.</summary>
    /// <param name="signature">The bytes.</param>
    /// <param name="basisBytesMax">The most bytes that the file which it describes may have.</param>
    /// <exception cref="VmPodException">They are malformed (exit code 5), of a kind that is not taken (4), or of a larger file (8).</exception>
    public static Signature Read(ReadOnlySpan<byte> signature, long basisBytesMax)
    {
        var input = new RsyncInput(signature, long.MaxValue);
        return Read(ref input, basisBytesMax);
    }

    private static Signature Read(ref RsyncInput input, long basisBytesMax)
    {
        string?[] members = MetadataJson.Read(RsyncHeader.Read(ref input, RsyncHeader.Signature), SignatureWriter.Members);
        BlockHash hash = Algorithms.BlockHashNamed(members[0]);
        RollingChecksum rolling = Algorithms.RollingNamed(members[1]);
        FileHash? basis = members[2] is null && members[3] is null ? null : FileHash.Read(members[2], members[3]);
        var blocks = new BlockList();
        (int block, int last, long total) = (0, 0, 0);
        while (!input.IsAtEnd)
        {
            ReadOnlySpan<byte> entry = input.Take(RsyncLimits.BlockEntryBytes);
            int length = BinaryPrimitives.ReadInt16LittleEndian(entry);
            if (length is < 1 or > RsyncLimits.BlockBytesMax)
                throw RsyncFault.Broken("the length of a block");
            block = blocks.Count == 0 ? length : block;
            if (blocks.Count > 0 && (block < RsyncLimits.BlockBytesMin || last != block || length > block))
                throw RsyncFault.Broken("its blocks are not of one size");
            (last, total) = (length, total + length);
            if (total > basisBytesMax)
                throw RsyncFault.Beyond("it is of a file that is too large");
            blocks.Add(BinaryPrimitives.ReadUInt32LittleEndian(entry[2..]), BinaryPrimitives.ReadUInt64LittleEndian(entry[6..]));
        }
        return new Signature(hash, rolling, block, last, blocks, basis);
    }
}
