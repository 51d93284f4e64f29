using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>FLUSHED: cells that were put on this link and are durable.</summary>
public sealed record FlushedReply : IWireReply<FlushedReply>
{
    /// <summary>How many, from the first put of this link; not less than the ordinal asked for.</summary>
    public required ulong DurableCount { get; init; }

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.Flushed;

    /// <inheritdoc/>
    public WireType Type => WireType.Flushed;

    /// <inheritdoc/>
    public int BodyBytes => 8;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out FlushedReply? message)
    {
        var r = new ByteReader(body);
        ulong count = r.UInt64();
        message = r.IsAtEnd ? new() { DurableCount = count } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt64(DurableCount);
        w.End();
    }
}
