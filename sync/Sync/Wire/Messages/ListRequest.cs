using System.Diagnostics.CodeAnalysis;

namespace VmPod.Sync.Wire;

/// <summary>LIST: all sessions of the vault.</summary>
public sealed record ListRequest : IWireRequest<SessionsReply>
{
    /// <summary>The one there is.</summary>
    public static ListRequest Instance { get; } = new();

    /// <inheritdoc/>
    public WireType Type => WireType.List;

    /// <inheritdoc/>
    public int BodyBytes => 0;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out ListRequest? message)
    {
        message = body.IsEmpty ? Instance : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
    }
}
