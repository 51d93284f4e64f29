using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>CELL: one answer to a GET_CELLS, read in place: key and cell stay in the frame.</summary>
public readonly ref struct CellReply
{
    /// <summary>Which id of the request, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>What became of it.</summary>
    public required CellStatus Status { get; init; }

    /// <summary>The cell's key, 32 opaque bytes; empty if it was not wanted or is not given.</summary>
    public required ReadOnlySpan<byte> Key { get; init; }

    /// <summary>The cell; empty if it was not wanted or is not given.</summary>
    public required ReadOnlySpan<byte> Cell { get; init; }

    /// <summary>Bytes of a body with so large a cell.</summary>
    public static int BodyBytes(int cellBytes) => WireRule.CellPrefixBytes + cellBytes;

    /// <summary>Reads a body in place. False unless it is canonical, and carries what was wanted and nothing else.</summary>
    /// <param name="body">The body.</param>
    /// <param name="want">What the request wanted.</param>
    /// <param name="cellBytes">Bytes of the vault's cells.</param>
    /// <param name="reply">What it says.</param>
    public static bool TryRead(ReadOnlySpan<byte> body, CellWant want, int cellBytes, out CellReply reply)
    {
        var r = new ByteReader(body);
        int index = r.UInt16();
        byte status = r.Byte();
        ReadOnlySpan<byte> key = r.Bytes(WireRule.KeyBytes), cell = r.Bytes(r.Remaining);
        bool ok = status == (byte)CellStatus.Ok, hasKey = ok && want.HasFlag(CellWant.Key), hasCell = ok && want.HasFlag(CellWant.Cell);
        r.Require(status <= (byte)CellStatus.Refused && cell.Length == (hasCell ? cellBytes : 0));
        r.Require(hasKey || key.IndexOfAnyExcept((byte)0) < 0);
        reply = new() { Index = index, Status = (CellStatus)status, Key = hasKey ? key : default, Cell = cell };
        return r.IsAtEnd;
    }

    /// <summary>Writes the body into exactly <see cref="BodyBytes"/> bytes.</summary>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt16(Index);
        w.Byte((byte)Status);
        Span<byte> none = stackalloc byte[WireRule.KeyBytes];
        none.Clear();
        w.Bytes(Key.IsEmpty ? none : Key, WireRule.KeyBytes);
        w.Bytes(Cell);
        w.End();
    }
}
