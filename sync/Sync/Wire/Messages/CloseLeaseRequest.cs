using System.Diagnostics.CodeAnalysis;

namespace VmPod.Sync.Wire;

/// <summary>CLOSE_LEASE: the attached lease ends; what was not committed is given up.</summary>
public sealed record CloseLeaseRequest : IWireRequest<DoneReply>
{
    /// <summary>The one there is.</summary>
    public static CloseLeaseRequest Instance { get; } = new();

    /// <inheritdoc/>
    public WireType Type => WireType.CloseLease;

    /// <inheritdoc/>
    public int BodyBytes => 0;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out CloseLeaseRequest? message)
    {
        message = body.IsEmpty ? Instance : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
    }
}
