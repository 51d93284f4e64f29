using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>ATTACH: this link goes on with a lease that was opened before: after a lost link, or to hand in a residue.</summary>
public sealed record AttachRequest : IWireRequest<AttachedReply>
{
    /// <summary>The session.</summary>
    public required SessionHandle Session { get; init; }

    /// <summary>The lease.</summary>
    public required ulong LeaseId { get; init; }

    /// <summary>Its term.</summary>
    public required ulong Term { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.Attach;

    /// <inheritdoc/>
    public int BodyBytes => SessionHandle.Size + 8 + 8;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out AttachRequest? message)
    {
        var r = new ByteReader(body);
        SessionHandle session = r.Handle();
        ulong lease = r.UInt64(), term = r.UInt64();
        message = r.IsAtEnd ? new() { Session = session, LeaseId = lease, Term = term } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Handle(Session);
        w.UInt64(LeaseId);
        w.UInt64(Term);
        w.End();
    }
}
