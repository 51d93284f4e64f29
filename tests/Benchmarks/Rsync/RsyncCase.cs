using VmPod.Benchmarks.Data;
using VmPod.Sync.Rsync.Deltas;
using VmPod.Sync.Rsync.Segments;
using VmPod.Sync.Rsync.Signatures;

namespace VmPod.Benchmarks.Rsync;

/// <summary>Two versions of a file, and how the second is sent to who has the first.</summary>
/// <param name="Name">What changed.</param>
/// <param name="Basis">The old one.</param>
/// <param name="Source">The new one.</param>
/// <param name="Options">The signature's.</param>
/// <param name="Search">Where blocks are looked for.</param>
/// <param name="NewCells">Of segments: cells of the new one that the old one has not; else null.</param>
internal sealed record RsyncCase(string Name, byte[] Basis, byte[] Source, SignatureOptions Options, DeltaSearch Search, int? NewCells = null)
{
    /// <summary>Bytes of a cell.</summary>
    public const int CellBytes = 64 * 1024;

    private const int Edits = 50, EditBytesMax = 200;

    /// <summary>All cases, for files of about so many bytes.</summary>
    public static IEnumerable<RsyncCase> All(int bytes)
    {
        byte[] basis = Random(1, bytes);
        yield return Shifting("nothing changed", basis, basis);
        yield return Shifting($"{Edits} pieces put in, shifting the rest", basis, Edited(basis));
        yield return Shifting("1 % more at the end", basis, [.. basis, .. Random(2, bytes / 100)]);
        yield return Shifting("nothing alike", basis, Random(3, bytes));
        yield return Segment("segment: 1 % of cells are others", basis, bytes / CellBytes / 100 + 1, stride: 97);
        yield return Segment("segment: a tenth is new, at its end", [.. basis.AsSpan(0, bytes / 10 * 9 / CellBytes * CellBytes)], 0, 0, basis);
        yield return Flipped("segment: one bit flipped", basis);
    }

    private static RsyncCase Shifting(string name, byte[] basis, byte[] source) =>
        new(name, basis, source, SignatureOptions.For(basis.Length), DeltaSearch.Everywhere);

    private static RsyncCase Segment(string name, byte[] basis, int others, int stride, byte[]? source = null)
    {
        byte[] now = [.. source ?? basis];
        for (int i = 0; i < others; i++)
            Random(100 + (ulong)i, CellBytes).CopyTo(now, i * stride * CellBytes % (now.Length / CellBytes * CellBytes));
        int cells = others + (now.Length - basis.Length) / CellBytes;
        return new(name, basis, now, new SignatureOptions(SegmentDelta.BlockBytes(CellBytes)), DeltaSearch.AtBlocks, cells);
    }

    private static RsyncCase Flipped(string name, byte[] source)
    {
        byte[] basis = [.. source];
        basis[basis.Length / 3] ^= 1;
        return new(name, basis, source, new SignatureOptions(SegmentDelta.BlockBytes(CellBytes)), DeltaSearch.AtBlocks, 1);
    }

    private static byte[] Edited(byte[] basis)
    {
        var random = new SplitMix(9);
        using var now = new MemoryStream();
        int step = basis.Length / Edits;
        for (int at = 0; at < basis.Length; at += step)
        {
            byte[] piece = new byte[1 + random.Below(EditBytesMax)];
            random.Fill(piece);
            now.Write(piece);
            now.Write(basis.AsSpan(at, Math.Min(step, basis.Length - at)));
        }
        return now.ToArray();
    }

    private static byte[] Random(ulong seed, int count)
    {
        byte[] bytes = new byte[count];
        new SplitMix(seed).Fill(bytes);
        return bytes;
    }
}
