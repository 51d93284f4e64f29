using VmPod.Foundation;
using VmPod.Sync.Rsync;
using VmPod.Sync.Rsync.Deltas;
using VmPod.Sync.Rsync.Segments;
using VmPod.Sync.Rsync.Signatures;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using Xunit;

namespace VmPod.Sync.Tests.Rsync;

/// <summary>Whole segment files from mirror to mirror: what comes out is the segment, or an error, whatever either side says.</summary>
[Trait("Threat", "T-02")]
public sealed class SegmentDeltaTests
{
    private const int CellBytes = 64 * 1024, Cells = 40;

    private static readonly byte[] s_segment = RsyncData.Random(5, 0, Cells * CellBytes);

    [Fact]
    [Trait("Spec", "S-150")]
    [Trait("Spec", "S-151")]
    public void An_older_copy_of_a_segment_becomes_the_segment_for_the_price_of_the_cells_that_are_new()
    {
        byte[] older = [.. s_segment.AsSpan(0, 30 * CellBytes)];
        RsyncData.Random(6, 0, CellBytes).CopyTo(older, 7 * CellBytes);
        byte[] delta = Delta(older, s_segment);
        Assert.Equal(s_segment, Applied(older, delta, Ids(s_segment)));
        Assert.InRange(delta.Length, 11 * CellBytes, 11 * CellBytes + 400);
    }

    [Fact]
    [Trait("Spec", "S-150")]
    [Trait("Spec", "S-151")]
    public void A_flipped_bit_costs_its_block_and_not_its_cell()
    {
        byte[] damaged = [.. s_segment];
        damaged[11 * CellBytes + 40_000] ^= 4;
        byte[] delta = Delta(damaged, s_segment);
        Assert.Equal(s_segment, Applied(damaged, delta, Ids(s_segment)));
        Assert.InRange(delta.Length, SegmentDelta.BlockBytes(CellBytes), SegmentDelta.BlockBytes(CellBytes) + 400);
    }

    [Fact]
    [Trait("Spec", "S-151")]
    public void Cells_that_stand_elsewhere_are_copied_and_a_basis_that_is_empty_short_or_torn_serves_as_well_as_it_can()
    {
        byte[] reversed = [.. Enumerable.Range(1, Cells).SelectMany(i => Cell(s_segment, Cells - i))];
        byte[] delta = Delta(reversed, s_segment);
        Assert.Equal(s_segment, Applied(reversed, delta, Ids(s_segment)));
        Assert.InRange(delta.Length, 1, 4 * Cells * RsyncLimits.CopyCommandBytes + 400);
        foreach (int bytes in (int[])[0, 1, 100, CellBytes - 1, CellBytes, 3 * CellBytes + 5])
        {
            delta = Delta(s_segment[..bytes], s_segment);
            Assert.Equal(s_segment, Applied(s_segment[..bytes], delta, Ids(s_segment)));
            Assert.InRange(delta.Length, s_segment.Length - bytes, s_segment.Length - bytes / CellBytes * CellBytes + 500);
        }
    }

    [Fact]
    [Trait("Spec", "S-151")]
    public void A_place_that_was_freed_comes_out_as_zeros_and_as_nothing_else()
    {
        byte[] punched = [.. s_segment];
        punched.AsSpan(3 * CellBytes, 2 * CellBytes).Clear();
        CellId?[] ids = Ids(s_segment);
        ids[3] = ids[4] = null;
        Assert.Equal(punched, Applied(s_segment, Delta(s_segment, punched), ids));
        // The cell that was freed may not come along, though it is a sound one; nor anything else that somebody would like to leave here.
        Refused(s_segment, Delta(s_segment, s_segment), ids, rightCells: 3);
        punched[4 * CellBytes] = 1;
        Refused(s_segment, Delta(s_segment, punched), ids, rightCells: 4);
    }

    [Fact]
    [Trait("Spec", "S-147")]
    [Trait("Spec", "S-151")]
    public void A_segment_with_a_cell_changed_swapped_doubled_missing_or_too_many_is_refused_and_none_of_the_wrong_ones_is_written()
    {
        byte[] older = s_segment[..(20 * CellBytes)];
        (string What, byte[] Segment, int RightCells)[] others =
        [
            ("changed", [.. s_segment.AsSpan(0, 25 * CellBytes + 9), (byte)(s_segment[25 * CellBytes + 9] ^ 1), .. s_segment.AsSpan(25 * CellBytes + 10)], 25),
            ("swapped", [.. s_segment.AsSpan(0, 38 * CellBytes), .. Cell(s_segment, 39), .. Cell(s_segment, 38)], 38),
            ("doubled", [.. s_segment.AsSpan(0, CellBytes), .. s_segment.AsSpan(0, 39 * CellBytes)], 1),
            ("missing at the end", s_segment[..(39 * CellBytes)], 39),
            ("cut", s_segment[..(39 * CellBytes + 1)], 39),
        ];
        Assert.All(others, other =>
        {
            byte[] delta = Delta(older, other.Segment);
            // The delta is sound, and its own hash is right: who has no list of ids has another segment now.
            Assert.Equal(other.Segment, RsyncData.Apply(older, delta, other.Segment.Length));
            Refused(older, delta, Ids(s_segment), other.RightCells);
        });
        byte[] longer = Delta(older, [.. s_segment, .. Cell(s_segment, 0)]);
        Refused(older, longer, Ids(s_segment), Cells, ExitCode.NoSpace);
    }

    [Fact]
    [Trait("Spec", "S-151")]
    public void A_mirror_that_signs_what_it_does_not_have_gets_no_segment()
    {
        // It says that it has the segment; it has other bytes.
        byte[] delta = Delta(s_segment, s_segment);
        Assert.InRange(delta.Length, 1, 400);
        Refused(RsyncData.Random(8, 0, s_segment.Length), delta, Ids(s_segment), rightCells: 0);
        Refused([], delta, Ids(s_segment), rightCells: 0);
    }

    [Fact]
    [Trait("Spec", "S-150")]
    public void A_signature_of_another_alignment_or_of_more_than_a_segment_is_refused()
    {
        const int Small = StoreLimits.CellBytesMin;
        Assert.Equal(ExitCode.Damaged, Exit(() => Read(RsyncData.SignatureOf(s_segment, new SignatureOptions(8192)), CellBytes)));
        Assert.Equal(ExitCode.Damaged, Exit(() => Read(RsyncData.SignatureOf(s_segment[..20_000], new SignatureOptions(20_000)), CellBytes)));
        byte[] longer = new byte[StoreLimits.SegmentCells * Small + 1];
        using var file = new MemoryStream(longer, writable: false);
        Assert.Equal(ExitCode.Damaged, Exit(() => SegmentDelta.Sign(file, Small)));
        Assert.Equal(ExitCode.NoSpace, Exit(() => Read(RsyncData.SignatureOf(longer, new SignatureOptions(Small)), Small)));
        Assert.Equal(StoreLimits.SegmentCells, Read(RsyncData.SignatureOf(longer[..^1], new SignatureOptions(Small)), Small).Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(12 * 1024)]
    [InlineData(65_000)]
    [InlineData(260 * 1024)]
    public void Cells_that_no_vault_has_are_a_bug_of_the_caller(int cellBytes) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SegmentDelta.BlockBytes(cellBytes));

    private static byte[] Delta(byte[] basis, byte[] segment)
    {
        using MemoryStream old = new(basis, writable: false), fresh = new(segment, writable: false), signed = new(), delta = new();
        SignatureWriter.Write(SegmentDelta.Sign(old, CellBytes), signed);
        _ = SegmentDelta.Build(Read(signed.ToArray(), CellBytes), fresh, delta);
        return delta.ToArray();
    }

    private static Signature Read(byte[] signature, int cellBytes)
    {
        using var stream = new MemoryStream(signature, writable: false);
        return SegmentDelta.ReadSignature(stream, cellBytes);
    }

    private static byte[] Applied(byte[] basis, byte[] delta, CellId?[] expected)
    {
        using MemoryStream old = new(basis, writable: false), compared = new(delta, writable: false), made = new();
        SegmentDelta.Apply(old, compared, made, CellBytes, expected);
        return made.ToArray();
    }

    private static void Refused(byte[] basis, byte[] delta, CellId?[] expected, int rightCells, ExitCode exitCode = ExitCode.Damaged)
    {
        using MemoryStream old = new(basis, writable: false), compared = new(delta, writable: false), made = new();
        Assert.Equal(exitCode, Exit(() => SegmentDelta.Apply(old, compared, made, CellBytes, expected)));
        Assert.InRange(made.Length, 0, rightCells * CellBytes);
        byte[] written = made.ToArray();
        for (int i = 0; i < written.Length / CellBytes; i++)
            Assert.True(expected[i] is not { } id || CellId.Of(Cell(written, i)) == id, $"the wrong cell at {i} was written");
    }

    private static ExitCode Exit(Action action) => Assert.Throws<VmPodException>(action).ExitCode;

    private static CellId?[] Ids(byte[] segment) => [.. Enumerable.Range(0, segment.Length / CellBytes).Select(i => (CellId?)CellId.Of(Cell(segment, i)))];

    private static byte[] Cell(byte[] segment, int index) => segment.AsSpan(index * CellBytes, CellBytes).ToArray();
}
