using System.Buffers.Binary;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;

namespace VmPod.PodKeeper.Tests.Cuts;

/// <summary>What went over two links of which the first was cut.</summary>
/// <param name="Cells">Cells that crossed, the one that was cut included.</param>
/// <param name="Twice">Of these, how often one crossed that had crossed before, whole or in part.</param>
/// <param name="WasCut">False if all was done before the cut.</param>
internal readonly record struct CutOutcome(int Cells, int Twice, bool WasCut)
{
    /// <summary>Of cells that a host put.</summary>
    internal static CutOutcome OfUpload(CutWire first, CutWire second)
    {
        List<WireFrames.Found> puts = [.. new[] { first, second }.SelectMany(w => WireFrames.In(w.Arrived(Way.ToPod)))
            .Where(f => f.Header.Type == WireType.PutCell)];
        HashSet<CellId> whole = [];
        int twice = puts.Count(p => p.IsWhole && !whole.Add(CellId.Of(p.Body.Span)));
        foreach (WireFrames.Found part in puts.Where(p => !p.IsWhole))
            twice += puts.Any(p => p.IsWhole && p.Body.Span.StartsWith(part.Body.Span)) ? 1 : 0;
        return new(puts.Count, twice, first.IsCut);
    }

    /// <summary>Of cells that a host asked for: on each link those, in one request.</summary>
    internal static CutOutcome OfFetch(params (CutWire Wires, CellId[] Asked)[] links)
    {
        List<CellId> crossed = [];
        foreach ((CutWire wires, CellId[] asked) in links)
        {
            foreach (WireFrames.Found cell in WireFrames.In(wires.Arrived(Way.ToHost)).Where(f => f.Header.Type == WireType.Cell && f.Body.Length >= 2))
                crossed.Add(asked[BinaryPrimitives.ReadUInt16BigEndian(cell.Body.Span)]);
        }
        return new(crossed.Count, crossed.Count - crossed.Distinct().Count(), links[0].Wires.IsCut);
    }
}
