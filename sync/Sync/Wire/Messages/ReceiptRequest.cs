using System.Diagnostics.CodeAnalysis;
using System.Text.Unicode;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>RECEIPT: what a host says about its leave, for the pod's log.</summary>
public sealed record ReceiptRequest : IWireRequest<DoneReply>
{
    /// <summary>UTF-8, 1 to 16 KiB; the wire does not look inside.</summary>
    public required ReadOnlyMemory<byte> Json { get; init; }

    /// <summary>The lease's Ed25519 signature over it: 64 bytes.</summary>
    public required ReadOnlyMemory<byte> Signature { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.Receipt;

    /// <inheritdoc/>
    public int BodyBytes => 2 + Json.Length + CommitRecord.SignatureBytes;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out ReceiptRequest? message)
    {
        var r = new ByteReader(body);
        ReadOnlySpan<byte> json = r.Counted(WireLimits.ReceiptBytesMax), signature = r.Bytes(CommitRecord.SignatureBytes);
        r.Require(json.Length > 0 && Utf8.IsValid(json));
        message = r.IsAtEnd ? new() { Json = json.ToArray(), Signature = signature.ToArray() } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Counted(Json.Span);
        w.Bytes(Signature.Span, CommitRecord.SignatureBytes);
        w.End();
    }
}
