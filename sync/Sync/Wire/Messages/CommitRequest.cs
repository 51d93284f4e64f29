using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>COMMIT: a commit of the attached lease, after the IDS that it needs; sent by <see cref="WireLink.Commit"/>.</summary>
public sealed record CommitRequest : IWireMessage
{
    /// <summary>Closes the lease with this commit.</summary>
    public required bool Close { get; init; }

    /// <summary>The record; its counts are those of the lists.</summary>
    public required CommitRecord Record { get; init; }

    /// <summary>The lease's Ed25519 signature over the record: 64 bytes.</summary>
    public required ReadOnlyMemory<byte> Signature { get; init; }

    private byte[] RecordBytes => field ??= Record.ToSignedBytes();

    /// <inheritdoc/>
    public WireType Type => WireType.Commit;

    /// <inheritdoc/>
    public int BodyBytes => 1 + 2 + RecordBytes.Length + CommitRecord.SignatureBytes + 8;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out CommitRequest? message)
    {
        var r = new ByteReader(body);
        bool close = r.Flag();
        CommitRecord? record = r.Record();
        ReadOnlySpan<byte> signature = r.Bytes(CommitRecord.SignatureBytes);
        r.Require(record is not null && r.UInt32() == record.AddedCount && r.UInt32() == record.DroppedCount);
        message = r.IsAtEnd ? new() { Close = close, Record = record!, Signature = signature.ToArray() } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Flag(Close);
        w.Counted(RecordBytes);
        w.Bytes(Signature.Span, CommitRecord.SignatureBytes);
        w.UInt32(Record.AddedCount);
        w.UInt32(Record.DroppedCount);
        w.End();
    }
}
