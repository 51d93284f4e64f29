using System.Diagnostics.CodeAnalysis;

namespace VmPod.Sync.Wire;

/// <summary>RENEW: the attached lease is to go on. Overtakes waiting writes.</summary>
public sealed record RenewRequest : IWireRequest<RenewedReply>
{
    /// <summary>The one there is.</summary>
    public static RenewRequest Instance { get; } = new();

    /// <inheritdoc/>
    public WireType Type => WireType.Renew;

    /// <inheritdoc/>
    public int BodyBytes => 0;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out RenewRequest? message)
    {
        message = body.IsEmpty ? Instance : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
    }
}
