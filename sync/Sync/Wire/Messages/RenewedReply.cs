using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>RENEWED: the lease goes on.</summary>
public sealed record RenewedReply : IWireReply<RenewedReply>
{
    /// <summary>Milliseconds from now until the lease expires.</summary>
    public required uint ExpiresInMs { get; init; }

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.Renewed;

    /// <inheritdoc/>
    public WireType Type => WireType.Renewed;

    /// <inheritdoc/>
    public int BodyBytes => 4;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out RenewedReply? message)
    {
        var r = new ByteReader(body);
        uint expires = r.UInt32();
        message = r.IsAtEnd ? new() { ExpiresInMs = expires } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt32(ExpiresInMs);
        w.End();
    }
}
