using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>FLUSH: asks to make durable what was put; sent by <see cref="WireLink.Flush"/>, which knows the ordinal.</summary>
public sealed record FlushRequest : IWireMessage
{
    /// <summary>Cells put on this link so far.</summary>
    public required ulong Ordinal { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.Flush;

    /// <inheritdoc/>
    public int BodyBytes => 8;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out FlushRequest? message)
    {
        var r = new ByteReader(body);
        ulong ordinal = r.UInt64();
        message = r.IsAtEnd ? new() { Ordinal = ordinal } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt64(Ordinal);
        w.End();
    }
}
