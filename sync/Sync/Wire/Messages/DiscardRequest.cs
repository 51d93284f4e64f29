using System.Diagnostics.CodeAnalysis;

namespace VmPod.Sync.Wire;

/// <summary>DISCARD: gives up what was put under the attached lease and not committed.</summary>
public sealed record DiscardRequest : IWireRequest<DoneReply>
{
    /// <summary>The one there is.</summary>
    public static DiscardRequest Instance { get; } = new();

    /// <inheritdoc/>
    public WireType Type => WireType.Discard;

    /// <inheritdoc/>
    public int BodyBytes => 0;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out DiscardRequest? message)
    {
        message = body.IsEmpty ? Instance : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
    }
}
