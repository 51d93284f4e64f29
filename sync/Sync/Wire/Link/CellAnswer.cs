namespace VmPod.Sync.Wire;

/// <summary>The answers to one GET_CELLS.</summary>
public sealed class CellAnswer
{
    private readonly FrameSender sender;
    private readonly uint request;
    private readonly CellsRequest what;
    private readonly int cellBytes;
    private ulong sent;                     // a bit for each index: at most 64

    internal CellAnswer(FrameSender sender, uint request, CellsRequest what, int cellBytes)
    {
        this.sender = sender;
        this.request = request;
        this.what = what;
        this.cellBytes = cellBytes;
    }

    internal bool IsComplete => System.Numerics.BitOperations.PopCount(sent) == what.Ids.Count;

    /// <summary>Answers one index. Key and cell go from the caller's memory into the link's.</summary>
    /// <param name="index">Which id of the request.</param>
    /// <param name="status">What became of it.</param>
    /// <param name="key">The key, 32 bytes, exactly if it is wanted and the status is Ok; else empty.</param>
    /// <param name="cell">The cell, exactly if it is wanted and the status is Ok; else empty.</param>
    /// <exception cref="Foundation.VmPodException">The link is lost (exit code 7).</exception>
    public void Send(int index, CellStatus status, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, what.Ids.Count);
        bool ok = status == CellStatus.Ok;
        if (key.Length != (ok && what.Want.HasFlag(CellWant.Key) ? WireRule.KeyBytes : 0)
            || cell.Length != (ok && what.Want.HasFlag(CellWant.Cell) ? cellBytes : 0))
            throw new ArgumentException("An answer carries what was wanted, and nothing else.");
        if ((sent & 1UL << index) != 0)
            throw new InvalidOperationException("An index is answered once.");
        sent |= 1UL << index;
        bool urgent = what.Urgency == 0;
        FrameBlock block = sender.Reserve(WireType.Cell, request, CellReply.BodyBytes(cell.Length), urgent);
        new CellReply { Index = index, Status = status, Key = key, Cell = cell }.WriteTo(block.Span[WireLimits.HeaderBytes..]);
        sender.Send(block, urgent);
    }
}
