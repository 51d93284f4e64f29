using System.Buffers.Binary;
using System.Text;

namespace VmPod.Sync.Rsync.Deltas;

/// <summary>Writes a delta (SPEC S-140, S-141, S-144). Copies that go on where the one before ended become one.</summary>
internal sealed class DeltaWriter
{
    // Stands where the hash will, which has as many characters: it is known only at the end, and stands at the begin.
    private static readonly FileHash s_noHash = FileHash.OfXxh3(0);

    private readonly Stream into;
    private readonly long hashAt;
    private long copyFrom, copyBytes;

    /// <summary>Writes all that stands before the commands.</summary>
    /// <param name="into">Can seek, unless <paramref name="known"/> is given.</param>
    /// <param name="blocks">The hash by which blocks were told apart.</param>
    /// <param name="basis">What the signature says to be the hash of the basis.</param>
    /// <param name="known">The hash of what the delta makes, if it is known already.</param>
    internal DeltaWriter(Stream into, BlockHash blocks, FileHash? basis, FileHash? known)
    {
        this.into = into;
        FileHash hash = known ?? s_noHash;
        string metadata = MetadataJson.Write((Members[0], Algorithms.NameOf(blocks)), (Members[1], hash.Algorithm), (Members[2], hash.Base64),
            (Members[3], basis?.Algorithm), (Members[4], basis?.Base64));
        byte[] header = RsyncHeader.Write(RsyncHeader.Delta, metadata);
        if (known is null)
            hashAt = into.Position + header.AsSpan().IndexOf(Encoding.ASCII.GetBytes($"\"{Members[2]}\":\"")) + Members[2].Length + 4;
        into.Write(header);
    }

    /// <summary>The members of its metadata, in the order in which they are written.</summary>
    internal static string[] Members { get; } =
        ["hashAlgorithm", "expectedFileHashAlgorithm", "expectedFileHash", "baseFileHashAlgorithm", "baseFileHash"];

    /// <summary>Bytes that come from the basis, so far.</summary>
    internal long CopiedBytes { get; private set; }

    /// <summary>Bytes that the delta has itself, so far.</summary>
    internal long DataBytes { get; private set; }

    internal void Copy(long from, int bytes)
    {
        CopiedBytes += bytes;
        if (copyBytes > 0 && copyFrom + copyBytes == from)
        {
            copyBytes += bytes;
            return;
        }
        EndCopy();
        (copyFrom, copyBytes) = (from, bytes);
    }

    internal void Data(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        EndCopy();
        DataBytes += bytes.Length;
        Span<byte> head = stackalloc byte[RsyncLimits.DataCommandBytes];
        head[0] = DeltaCommand.DataType;
        BinaryPrimitives.WriteInt64LittleEndian(head[1..], bytes.Length);
        into.Write(head);
        into.Write(bytes);
    }

    /// <summary>Ends it.</summary>
    /// <param name="hash">The hash of what it makes; null if it was known from the begin.</param>
    internal void End(FileHash? hash)
    {
        EndCopy();
        if (hash is null)
            return;
        long end = into.Position;
        into.Position = hashAt;
        into.Write(Encoding.ASCII.GetBytes(hash.Base64));
        into.Position = end;
    }

    private void EndCopy()
    {
        if (copyBytes == 0)
            return;
        Span<byte> command = stackalloc byte[RsyncLimits.CopyCommandBytes];
        command[0] = DeltaCommand.CopyType;
        BinaryPrimitives.WriteInt64LittleEndian(command[1..], copyFrom);
        BinaryPrimitives.WriteInt64LittleEndian(command[9..], copyBytes);
        into.Write(command);
        copyBytes = 0;
    }
}
