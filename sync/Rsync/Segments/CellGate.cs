using VmPod.Vault.Format;

namespace VmPod.Sync.Rsync.Segments;

/// <summary>Lets a segment pass cell by cell: a cell goes on only once it was found to be the one that is expected at its place.</summary>
internal sealed class CellGate(Stream into, int cellBytes, IReadOnlyList<CellId?> expected)
{
    private readonly byte[] cell = new byte[cellBytes];
    private int filled, slot;

    internal void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, cellBytes - filled);
            bytes[..count].CopyTo(cell.AsSpan(filled));
            filled += count;
            bytes = bytes[count..];
            if (filled == cellBytes)
                Pass();
        }
    }

    internal void End()
    {
        if (slot != expected.Count || filled > 0)
            throw RsyncFault.NotExpected($"the segment has {expected.Count} cells, and it ends in the one at {slot}");
    }

    private void Pass()
    {
        // A freed place holds nothing (vault/SPEC.md, V-163): a hole, and no bytes of somebody's choice.
        bool isRight = expected[slot] is { } id ? CellId.Of(cell) == id : cell.AsSpan().IndexOfAnyExcept((byte)0) < 0;
        if (!isRight)
            throw RsyncFault.NotExpected($"the cell at {slot} of the segment is another one");
        into.Write(cell);
        (slot, filled) = (slot + 1, 0);
    }
}
