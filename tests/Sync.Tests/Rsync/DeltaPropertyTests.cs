using CsCheck;
using VmPod.Sync.Rsync;
using VmPod.Sync.Rsync.Deltas;
using VmPod.Sync.Rsync.Signatures;
using Xunit;

namespace VmPod.Sync.Tests.Rsync;

/// <summary>Whatever was edited, a delta gives the new file, and is never larger than that.</summary>
public sealed class DeltaPropertyTests
{
    private const int Files = 400;

    // A file of few values, so that blocks and sums are alike by chance, or of all; then cut, doubled, moved and written over.
    private static readonly Gen<byte[]> Basis = Gen.OneOf(Gen.Byte.Array[0, 6000], Gen.Byte[0, 1].Array[0, 6000],
        Gen.Select(Gen.Byte.Array[1, 40], Gen.Int[1, 200], (piece, count) => Enumerable.Repeat(piece, count).SelectMany(b => b).ToArray()));

    private static readonly Gen<(int Kind, double At, double Length, byte[] Bytes)[]> Edits =
        Gen.Select(Gen.Int[0, 4], Gen.Double[0, 1], Gen.Double[0, 1], Gen.Byte.Array[0, 300]).Array[0, 6];

    private static readonly Gen<SignatureOptions> Options =
        Gen.Select(Gen.OneOf(Gen.Int[128, 200], Gen.Int[128, 3000]), Gen.Enum<BlockHash>(), Gen.Enum<RollingChecksum>(),
            (block, hash, rolling) => new SignatureOptions(block, hash, rolling));

    [Fact]
    [Trait("Spec", "S-144")]
    [Trait("Spec", "S-149")]
    public void A_delta_gives_the_new_file_and_is_never_larger() =>
        Gen.Select(Basis, Edits, Options, Gen.Enum<DeltaSearch>()).Sample((basis, edits, options, search) =>
        {
            byte[] source = Edited(basis, edits), delta = RsyncData.DeltaOf(basis, source, options, search);
            Assert.Equal(source, RsyncData.Apply(basis, delta, source.Length));
            Assert.True(delta.Length <= source.Length + HeaderBytes(delta) + RsyncLimits.DataCommandBytes, $"{source.Length} bytes made {delta.Length}");
        }, iter: Files * Soak.Rounds);

    [Fact]
    [Trait("Spec", "S-145")]
    [Trait("Spec", "S-149")]
    public void Streams_that_give_a_few_bytes_at_a_time_and_cannot_seek_make_the_same_files() =>
        Gen.Select(Basis, Edits, Options, Gen.Enum<DeltaSearch>()).Sample((basis, edits, options, search) =>
        {
            byte[] source = Edited(basis, edits), signature = RsyncData.SignatureOf(basis, options), delta = RsyncData.DeltaOf(basis, source, options, search);
            using MemoryStream old = new(basis, writable: false), fresh = new(source, writable: false), signed = new(), compared = new(), applied = new();
            SignatureWriter.Write(SignatureBuilder.Build(new DribbleStream(old), options), new DribbleStream(signed));
            Assert.Equal(signature, signed.ToArray());
            signed.Position = 0;
            Signature read = SignatureReader.Read(new DribbleStream(signed), basis.Length);
            // The new file is read twice, since a hash of it goes ahead.
            _ = DeltaBuilder.Build(read, fresh, new DribbleStream(compared), search);
            Assert.Equal(delta, compared.ToArray());
            fresh.Position = compared.Position = 0;
            // And once, where the delta can be gone back into, also behind something else.
            using var behind = new MemoryStream();
            behind.Write(basis);
            _ = DeltaBuilder.Build(read, new DribbleStream(fresh), behind, search);
            Assert.Equal(delta, behind.ToArray()[basis.Length..]);
            Assert.Equal(source.Length, DeltaApplier.Apply(old, new DribbleStream(compared), new DribbleStream(applied), source.Length));
            Assert.Equal(source, applied.ToArray());
        }, iter: Files / 4 * Soak.Rounds);

    [Fact]
    [Trait("Spec", "S-149")]
    public void A_file_of_many_buffers_with_a_byte_put_in_here_and_there_costs_those_blocks()
    {
        byte[] basis = RsyncData.Random(1, 0, 5_000_000);
        var options = new SignatureOptions(4096);
        byte[] source = [7, .. basis.AsSpan(0, 1_000_000), 7, .. basis.AsSpan(1_000_000, 2_500_000), 7, .. basis.AsSpan(3_500_000)];
        byte[] delta = RsyncData.DeltaOf(basis, source, options);
        Assert.Equal(source, RsyncData.Apply(basis, delta, source.Length));
        Assert.InRange(delta.Length, 1, 2 * (options.BlockBytes + 100) + HeaderBytes(delta) + 100);
    }

    [Fact]
    [Trait("Spec", "S-149")]
    public void A_new_file_of_many_buffers_that_has_nothing_of_the_old_costs_itself()
    {
        byte[] basis = RsyncData.Random(1, 0, 100_000), source = RsyncData.Random(2, 0, 4_000_000);
        foreach (DeltaSearch search in Enum.GetValues<DeltaSearch>())
        {
            byte[] delta = RsyncData.DeltaOf(basis, source, new SignatureOptions(2048), search);
            Assert.Equal(source, RsyncData.Apply(basis, delta, source.Length));
            int commands = (source.Length + RsyncLimits.ScanBytes / 2 - 1) / (RsyncLimits.ScanBytes / 2);
            Assert.InRange(delta.Length, source.Length, source.Length + HeaderBytes(delta) + commands * RsyncLimits.DataCommandBytes);
        }
    }

    [Fact]
    [Trait("Spec", "S-149")]
    public void Where_nothing_is_looked_for_between_blocks_what_shifted_by_a_byte_is_not_found_and_what_shifted_by_a_block_is()
    {
        byte[] basis = RsyncData.Random(1, 0, 200_000);
        var options = new SignatureOptions(1000);
        byte[] byByte = [7, .. basis], byBlock = [.. RsyncData.Random(2, 0, 1000), .. basis];
        Assert.InRange(RsyncData.DeltaOf(basis, byByte, options).Length, 1, 1000);
        Assert.InRange(RsyncData.DeltaOf(basis, byByte, options, DeltaSearch.AtBlocks).Length, basis.Length, int.MaxValue);
        Assert.InRange(RsyncData.DeltaOf(basis, byBlock, options, DeltaSearch.AtBlocks).Length, 1, 2000);
    }

    [Theory]
    [InlineData(127)]
    [InlineData(31_745)]
    public void Blocks_of_other_sizes_than_the_format_has_are_a_bug_of_the_caller(int blockBytes) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SignatureBuilder.Build([1], new SignatureOptions(blockBytes)));

    [Theory]
    [InlineData(0, 128)]
    [InlineData(1 << 20, 1024)]
    [InlineData(1L << 26, 8192)]
    [InlineData(1L << 40, 31_744)]
    public void Blocks_grow_with_the_square_root_of_the_file(long basisBytes, int blockBytes) =>
        Assert.Equal(blockBytes, SignatureOptions.For(basisBytes).BlockBytes);

    private static int HeaderBytes(byte[] delta) => Array.IndexOf(delta, (byte)'}') + 1;

    private static byte[] Edited(byte[] basis, (int Kind, double At, double Length, byte[] Bytes)[] edits)
    {
        byte[] now = basis;
        foreach ((int kind, double place, double part, byte[] bytes) in edits)
        {
            int at = (int)(place * now.Length), length = (int)(part * (now.Length - at) / 2);
            ReadOnlySpan<byte> before = now.AsSpan(0, at), range = now.AsSpan(at, length), after = now.AsSpan(at + length);
            now = kind switch
            {
                0 => [.. before, .. after],
                1 => [.. before, .. bytes, .. range, .. after],
                2 => [.. before, .. bytes, .. after],
                3 => [.. range, .. before, .. after],
                _ when now.Length < 20_000 => [.. before, .. range, .. range, .. after],
                _ => now,
            };
        }
        return now;
    }
}
