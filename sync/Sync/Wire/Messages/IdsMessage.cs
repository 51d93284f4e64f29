using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>IDS: a part of a list of the COMMIT that follows; sent by <see cref="WireLink.Commit"/>.</summary>
public sealed record IdsMessage : IWireMessage
{
    /// <summary>The list: false added, true dropped.</summary>
    public required bool Dropped { get; init; }

    /// <summary>1 to <see cref="WireLimits.IdsMax"/> ids, strictly ascending, and beyond those of the IDS before.</summary>
    public required IReadOnlyList<CellId> Ids { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.Ids;

    /// <inheritdoc/>
    public int BodyBytes => 1 + 4 + Ids.Count * CellId.Size;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out IdsMessage? message)
    {
        var r = new ByteReader(body);
        bool dropped = r.Flag();
        uint count = r.UInt32();
        r.Require(count is >= 1 and <= WireLimits.IdsMax);
        CellId[] ids = r.Failed ? [] : r.Ids((int)count);
        for (int i = 1; i < ids.Length; i++)
            r.Require(ids[i - 1] < ids[i]);
        message = r.IsAtEnd ? new() { Dropped = dropped, Ids = ids } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Flag(Dropped);
        w.UInt32((uint)Ids.Count);
        foreach (CellId id in Ids)
            w.Id(id);
        w.End();
    }
}
