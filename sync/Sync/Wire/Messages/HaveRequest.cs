using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>HAVE: which of these cells are on the pod? What was put on this link counts once it is flushed.</summary>
public sealed record HaveRequest : IWireRequest<HaveReply>
{
    /// <summary>1 to <see cref="WireLimits.HaveIdsMax"/> ids.</summary>
    public required IReadOnlyList<CellId> Ids { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.Have;

    /// <inheritdoc/>
    public int BodyBytes => 2 + Ids.Count * CellId.Size;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out HaveRequest? message)
    {
        var r = new ByteReader(body);
        int count = r.UInt16();
        r.Require(count is >= 1 and <= WireLimits.HaveIdsMax);
        CellId[] ids = r.Ids(count);
        message = r.IsAtEnd ? new() { Ids = ids } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public bool IsAnsweredBy(HaveReply reply) => reply?.Has.Count == Ids.Count;

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt16(Ids.Count);
        foreach (CellId id in Ids)
            w.Id(id);
        w.End();
    }
}
