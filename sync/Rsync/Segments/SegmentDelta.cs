using VmPod.Foundation;
using VmPod.Sync.Rsync.Deltas;
using VmPod.Sync.Rsync.Signatures;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Sync.Rsync.Segments;

/// <summary>
/// Whole segment files between mirrors, without keys: the side that has an older or damaged copy signs it, the other makes a delta, and the first applies it.
/// Blocks are parts of cells, so that a change of a cell is a change of its blocks and of no others. The result is taken only if each cell is the one that is
/// expected at its place: whatever signature and delta say, what comes out is the segment or an error.
/// </summary>
public static class SegmentDelta
{
    /// <summary>Bytes of a block for cells of so many: the largest part that the format can say. 16 KiB for cells of 64 KiB.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No vault has such cells.</exception>
    public static int BlockBytes(int cellBytes)
    {
        Check(cellBytes);
        int parts = (cellBytes + RsyncLimits.BlockBytesMax - 1) / RsyncLimits.BlockBytesMax;
        while (cellBytes % parts != 0)
            parts++;
        return cellBytes / parts;
    }

    /// <summary>The signature of a segment file as it is here, from where it stands: also of one that is short or damaged.</summary>
    /// <exception cref="VmPodException">It is longer than a segment (exit code 5).</exception>
    public static Signature Sign(Stream segment, int cellBytes)
    {
        Signature signature = SignatureBuilder.Build(segment, new SignatureOptions(BlockBytes(cellBytes)));
        return signature.BasisBytes <= SegmentBytesMax(cellBytes) ? signature : throw RsyncFault.Broken("the file is longer than a segment");
    }

    /// <summary>Reads the other side's signature of a segment.</summary>
    /// <exception cref="VmPodException">It is malformed, or not at this alignment (exit code 5), of a kind that is not taken (4), or of a file that is longer
    /// than a segment (8).</exception>
    public static Signature ReadSignature(Stream signature, int cellBytes)
    {
        int blockBytes = BlockBytes(cellBytes);
        Signature read = SignatureReader.Read(signature, SegmentBytesMax(cellBytes));
        return read.BlockBytes == blockBytes || (read.Count <= 1 && read.BlockBytes < blockBytes) ? read
            : throw RsyncFault.Broken($"its blocks are not the {blockBytes} bytes that cells of {cellBytes} bytes ask for");
    }

    /// <summary>Writes what a segment file here has and the signed one has not.</summary>
    /// <inheritdoc cref="DeltaBuilder.Build(Signature, Stream, Stream, DeltaSearch)"/>
    public static DeltaSummary Build(Signature basis, Stream segment, Stream delta) => DeltaBuilder.Build(basis, segment, delta, DeltaSearch.AtBlocks);

    /// <summary>Makes the segment out of the file that was signed and the delta.</summary>
    /// <param name="basis">That file, which can seek.</param>
    /// <param name="delta">From where it stands to its end.</param>
    /// <param name="output">Where the segment goes: a new file. Only cells that are expected are written, and only a call that returns has written them
    /// all.</param>
    /// <param name="cellBytes">Bytes of a cell.</param>
    /// <param name="expected">The id of the cell at each place, from a list that was authenticated; null for a place that was freed.</param>
    /// <exception cref="VmPodException">A cell is another one, or the delta is malformed (exit code 5), of a kind that is not taken (4), or makes more than the
    /// segment (8).</exception>
    public static void Apply(Stream basis, Stream delta, Stream output, int cellBytes, IReadOnlyList<CellId?> expected)
    {
        Check(cellBytes);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(expected.Count, StoreLimits.SegmentCells, nameof(expected));
        var gate = new CellGate(output, cellBytes, expected);
        _ = DeltaApplier.Apply(basis, delta, gate.Write, (long)expected.Count * cellBytes);
        gate.End();
    }

    private static long SegmentBytesMax(int cellBytes) => (long)StoreLimits.SegmentCells * cellBytes;

    private static void Check(int cellBytes)
    {
        if (cellBytes is < StoreLimits.CellBytesMin or > StoreLimits.CellBytesMax || cellBytes % StoreLimits.CellUnitBytes != 0)
            throw new ArgumentOutOfRangeException(nameof(cellBytes), cellBytes, "No vault has such cells.");
    }
}
