namespace VmPod.Sync.Wire;

/// <summary>A GET_CELLS: one CELL for each id, each index once, in any order.</summary>
internal sealed class PendingCells(CellsRequest request, int cellBytes, ICellSink sink) : PendingRequest
{
    private ulong taken;

    /// <inheritdoc/>
    protected override bool Read(WireType type, ReadOnlySpan<byte> body, bool isAbandoned, ref Exception? fault, out bool isLast)
    {
        isLast = false;
        if (type != WireType.Cell || !CellReply.TryRead(body, request.Want, cellBytes, out CellReply cell))
            return false;
        if (cell.Index >= request.Ids.Count || (taken & 1UL << cell.Index) != 0)
            return false;
        taken |= 1UL << cell.Index;
        isLast = System.Numerics.BitOperations.PopCount(taken) == request.Ids.Count;
        if (isAbandoned)
            return true;
        try
        {
            sink.Take(cell.Index, cell.Status, cell.Key, cell.Cell);
        }
        catch (Exception e)     // the caller's own, which gets it back
        {
            fault = e;
        }
        return true;
    }
}
