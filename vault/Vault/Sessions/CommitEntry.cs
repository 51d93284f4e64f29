using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>A commit as it stands in the log: record, the lease's signature, ids added, ids dropped.</summary>
public sealed record CommitEntry(CommitRecord Record, byte[] Signature, CellId[] Added, CellId[] Dropped)
{
    /// <summary>The entry's payload.</summary>
    public byte[] ToBytes()
    {
        var writer = new ByteWriter().Bytes(Record.ToSignedBytes()).Bytes(Signature);
        foreach (CellId id in Added)
            writer.Id(id);
        foreach (CellId id in Dropped)
            writer.Id(id);
        return writer.Written.ToArray();
    }

    /// <summary>Reads one, lists and their hashes included.</summary>
    /// <exception cref="VmPodException">It is not canonical (exit 5).</exception>
    public static CommitEntry Read(ReadOnlySpan<byte> bytes)
    {
        if (!CommitRecord.TryRead(bytes, out CommitRecord? record, out int length)
            || bytes.Length - length != CommitRecord.SignatureBytes + ((long)record!.AddedCount + record.DroppedCount) * CellId.Size)
            throw Broken();
        byte[] signature = bytes.Slice(length, CommitRecord.SignatureBytes).ToArray();
        ReadOnlySpan<byte> ids = bytes[(length + CommitRecord.SignatureBytes)..];
        CellId[] added = ReadIds(ids, (int)record.AddedCount), dropped = ReadIds(ids[((int)record.AddedCount * CellId.Size)..], (int)record.DroppedCount);
        return CommitRecord.HashOfIds(added) == record.AddedHash && CommitRecord.HashOfIds(dropped) == record.DroppedHash
            ? new CommitEntry(record, signature, added, dropped)
            : throw Broken();
    }

    private static CellId[] ReadIds(ReadOnlySpan<byte> bytes, int count)
    {
        var ids = new CellId[count];
        for (int i = 0; i < count; i++)
        {
            ids[i] = CellId.ReadFrom(bytes[(i * CellId.Size)..]);
            if (i > 0 && ids[i] <= ids[i - 1])
                throw Broken();
        }
        return ids;
    }

    private static VmPodException Broken() => new(ExitCode.Damaged, "A commit in the vault's log is damaged.", "Run podkeeper verify; use a mirror.");
}
