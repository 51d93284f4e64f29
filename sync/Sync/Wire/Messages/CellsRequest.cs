using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>GET_CELLS: cells, or their keys, or both; sent by <see cref="WireLink.GetCells"/>. Only ids are named (rule 25).</summary>
public sealed record CellsRequest : IWireMessage
{
    /// <summary>What of each.</summary>
    public required CellWant Want { get; init; }

    /// <summary>0: a fault waits for it. Otherwise read-ahead, which the pod sends after everything urgent.</summary>
    public required byte Urgency { get; init; }

    /// <summary>1 to <see cref="WireLimits.GetCellsMax"/> ids.</summary>
    public required IReadOnlyList<CellId> Ids { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.GetCells;

    /// <summary>True if a frame asks for cells that nobody waits for. Its body need not be well-formed.</summary>
    internal static bool IsReadAhead(WireType type, ReadOnlySpan<byte> body) => type == WireType.GetCells && body.Length > 1 && body[1] != 0;

    /// <inheritdoc/>
    public int BodyBytes => 1 + 1 + 2 + Ids.Count * CellId.Size;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out CellsRequest? message)
    {
        var r = new ByteReader(body);
        byte want = r.Byte(), urgency = r.Byte();
        int count = r.UInt16();
        r.Require(want is >= 1 and <= 3 && count is >= 1 and <= WireLimits.GetCellsMax);
        CellId[] ids = r.Ids(count);
        message = r.IsAtEnd ? new() { Want = (CellWant)want, Urgency = urgency, Ids = ids } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Byte((byte)Want);
        w.Byte(Urgency);
        w.UInt16(Ids.Count);
        foreach (CellId id in Ids)
            w.Id(id);
        w.End();
    }
}
