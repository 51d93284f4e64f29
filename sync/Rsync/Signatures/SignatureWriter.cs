using System.Buffers.Binary;

namespace VmPod.Sync.Rsync.Signatures;

/// <summary>Writes signatures (SPEC S-140 to S-143).</summary>
public static class SignatureWriter
{
    private const int EntriesOfWrite = RsyncLimits.ReadBytes / RsyncLimits.BlockEntryBytes;

    /// <summary>The members of its metadata, in the order in which they are written.</summary>
    internal static string[] Members { get; } = ["chunkHashAlgorithm", "rollingChecksumAlgorithm", "baseFileHashAlgorithm", "baseFileHash"];

    /// <summary>Writes it.</summary>
    public static void Write(Signature signature, Stream into)
    {
        ArgumentNullException.ThrowIfNull(signature);
        ArgumentNullException.ThrowIfNull(into);
        string metadata = MetadataJson.Write((Members[0], Algorithms.NameOf(signature.Hash)), (Members[1], Algorithms.NameOf(signature.Rolling)),
            (Members[2], signature.BasisHash?.Algorithm), (Members[3], signature.BasisHash?.Base64));
        into.Write(RsyncHeader.Write(RsyncHeader.Signature, metadata));
        byte[] entries = new byte[Math.Min(signature.Count, EntriesOfWrite) * RsyncLimits.BlockEntryBytes];
        for (int block = 0; block < signature.Count;)
        {
            int bytes = 0;
            for (; bytes < entries.Length && block < signature.Count; block++, bytes += RsyncLimits.BlockEntryBytes)
            {
                Span<byte> entry = entries.AsSpan(bytes, RsyncLimits.BlockEntryBytes);
                BinaryPrimitives.WriteInt16LittleEndian(entry, (short)(block < signature.Count - 1 ? signature.BlockBytes : signature.LastBlockBytes));
                BinaryPrimitives.WriteUInt32LittleEndian(entry[2..], signature.SumOf(block));
                BinaryPrimitives.WriteUInt64LittleEndian(entry[6..], signature.HashOf(block));
            }
            into.Write(entries, 0, bytes);
        }
    }
}
