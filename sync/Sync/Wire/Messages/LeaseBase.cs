using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>The commit that a lease begins from, as a LEASE carries it: enough for the host to check the owner's word for it.</summary>
public sealed record LeaseBase
{
    /// <summary>Hash of the commit's log entry: the parent of the lease's first commit.</summary>
    public required Digest EntryHash { get; init; }

    /// <summary>Where that entry begins in the log.</summary>
    public required ulong EntryOffset { get; init; }

    /// <summary>The commit.</summary>
    public required CommitRecord Record { get; init; }

    /// <summary>The signature over it: 64 bytes.</summary>
    public required ReadOnlyMemory<byte> Signature { get; init; }

    /// <summary>The log entry of the lease that signed it, which the owner's key signed: 1 to 1,024 bytes. The wire does not look inside.</summary>
    public required ReadOnlyMemory<byte> Certificate { get; init; }

    private byte[] RecordBytes => field ??= Record.ToSignedBytes();

    internal int Bytes => Digest.Size + 8 + 2 + RecordBytes.Length + CommitRecord.SignatureBytes + 2 + Certificate.Length;

    internal static LeaseBase? Read(ref ByteReader r)
    {
        Digest hash = r.Hash();
        ulong offset = r.UInt64();
        CommitRecord? record = r.Record();
        ReadOnlySpan<byte> signature = r.Bytes(CommitRecord.SignatureBytes), certificate = r.Counted(WireLimits.CertificateBytesMax);
        r.Require(record is not null && certificate.Length > 0 && offset <= long.MaxValue);
        return r.Failed ? null : new()
        {
            EntryHash = hash,
            EntryOffset = offset,
            Record = record!,
            Signature = signature.ToArray(),
            Certificate = certificate.ToArray(),
        };
    }

    internal void Write(ref SpanWriter w)
    {
        w.Hash(EntryHash);
        w.UInt64(EntryOffset);
        w.Counted(RecordBytes);
        w.Bytes(Signature.Span, CommitRecord.SignatureBytes);
        w.Counted(Certificate.Span);
    }
}
