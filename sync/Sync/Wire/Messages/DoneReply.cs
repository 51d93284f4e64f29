using System.Diagnostics.CodeAnalysis;

namespace VmPod.Sync.Wire;

/// <summary>DONE: the request is done.</summary>
public sealed record DoneReply : IWireReply<DoneReply>
{
    /// <summary>The one there is.</summary>
    public static DoneReply Instance { get; } = new();

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.Done;

    /// <inheritdoc/>
    public WireType Type => WireType.Done;

    /// <inheritdoc/>
    public int BodyBytes => 0;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out DoneReply? message)
    {
        message = body.IsEmpty ? Instance : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
    }
}
