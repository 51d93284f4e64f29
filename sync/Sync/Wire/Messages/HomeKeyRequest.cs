using System.Diagnostics.CodeAnalysis;

namespace VmPod.Sync.Wire;

/// <summary>GET_HOME_KEY: a home host asks for its own key, with which it opens what a locked pod has for it.</summary>
public sealed record HomeKeyRequest : IWireMessage
{
    /// <summary>The one there is.</summary>
    public static HomeKeyRequest Instance { get; } = new();

    /// <inheritdoc/>
    public WireType Type => WireType.GetHomeKey;

    /// <inheritdoc/>
    public int BodyBytes => 0;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out HomeKeyRequest? message)
    {
        message = body.IsEmpty ? Instance : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
    }
}
