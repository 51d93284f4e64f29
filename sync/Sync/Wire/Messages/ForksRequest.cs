using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>GET_FORKS: a host asks which forks a session has. Only on a link of version <see cref="VersionMin"/> or later.</summary>
public sealed record ForksRequest : IWireRequest<ForksReply>
{
    /// <summary>The first version of the link that has it: an older pod would end the link.</summary>
    public const int VersionMin = 3;

    /// <summary>The session.</summary>
    public required SessionHandle Session { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.GetForks;

    /// <inheritdoc/>
    public int BodyBytes => SessionHandle.Size;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out ForksRequest? message)
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
