using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>GET_LEASE_KEYS: a home host asks for the wrapped keys of the leases of its session.</summary>
public sealed record LeaseKeysRequest : IWireRequest<LeaseKeysReply>
{
    /// <summary>The session.</summary>
    public required SessionHandle Session { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.GetLeaseKeys;

    /// <inheritdoc/>
    public int BodyBytes => SessionHandle.Size;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out LeaseKeysRequest? message)
    {
        var r = new ByteReader(body);
        SessionHandle session = r.Handle();
        message = r.IsAtEnd ? new() { Session = session } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Handle(Session);
        w.End();
    }
}
