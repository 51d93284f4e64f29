using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Sync.Rsync;
using VmPod.Sync.Rsync.Deltas;
using VmPod.Sync.Rsync.Signatures;
using VmPod.Sync.Rsync.Sums;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Sync.Tests.Rsync;

/// <summary>Files whose makers mean harm: each attack is first shown to work where the defence is not.</summary>
public sealed class RsyncAttackTests
{
    [Fact]
    [Trait("Spec", "S-146")]
    [Trait("Threat", "T-24")]
    public void A_few_copies_that_would_fill_a_disk_end_at_the_bound()
    {
        const int Copies = 200, BasisBytes = 1 << 20, Bound = 3 << 20;
        byte[] basis = new byte[BasisBytes], bomb = WithCommands([.. Enumerable.Repeat(Copy(0, BasisBytes), Copies).SelectMany(c => c)]);
        // Four kilobytes make two hundred megabytes for whoever allows it.
        using var old = new MemoryStream(basis, writable: false);
        Assert.Equal((long)Copies * BasisBytes, DeltaApplier.Apply(old, new MemoryStream(bomb), Stream.Null, long.MaxValue));
        Assert.True(bomb.Length < 4096);

        using var made = new MemoryStream();
        VmPodException e = Assert.Throws<VmPodException>(() => DeltaApplier.Apply(old, new MemoryStream(bomb), made, Bound));
        Assert.Equal((ExitCode.NoSpace, (long)Bound), (e.ExitCode, made.Length));
    }

    [Fact]
    [Trait("Spec", "S-146")]
    [Trait("Threat", "T-24")]
    public void A_delta_of_more_commands_than_its_output_is_worth_ends_at_its_bound()
    {
        const int OutputBytes = 100_000;
        byte[] basis = new byte[100], singles = WithCommands([.. Enumerable.Repeat(Copy(50, 1), OutputBytes).SelectMany(c => c)]);
        using var old = new MemoryStream(basis, writable: false);
        // With room for it, each of a hundred thousand commands is a seek of its own.
        Assert.Equal(OutputBytes, DeltaApplier.Apply(old, new MemoryStream(singles), Stream.Null, 10L * singles.Length));

        using var made = new MemoryStream();
        VmPodException e = Assert.Throws<VmPodException>(() => DeltaApplier.Apply(old, new MemoryStream(singles), made, OutputBytes));
        Assert.Equal(ExitCode.NoSpace, e.ExitCode);
        Assert.InRange(made.Length, 1, OutputBytes / 8);
    }

    [Fact]
    [Trait("Spec", "S-147")]
    [Trait("Threat", "T-02")]
    public void A_delta_of_another_file_with_a_right_hash_of_its_own_is_taken_by_nobody_who_knows_the_file()
    {
        byte[] basis = RsyncData.Random(1, 0, 5000), source = [.. RsyncData.Random(1, 0, 2500), 1, .. RsyncData.Random(1, 2500, 2500)];
        byte[] other = [.. source];
        other[2500] ^= 1;
        byte[] forged = RsyncData.DeltaOf(basis, other, new SignatureOptions(512));
        using var old = new MemoryStream(basis, writable: false);
        // Nothing in it is wrong: who goes by the delta's own hash has another file now.
        Assert.Equal(other, RsyncData.Apply(basis, forged, source.Length));

        Digest digest = Digest.ReadFrom(SHA256.HashData(source));
        VmPodException e = Assert.Throws<VmPodException>(() =>
            DeltaApplier.ApplyVerified(old, new MemoryStream(forged), new MemoryStream(), source.Length, digest));
        Assert.Equal(ExitCode.Damaged, e.ExitCode);

        // A delta of the file itself is taken, though the hash in it is another file's.
        byte[] right = RsyncData.DeltaOf(basis, source, new SignatureOptions(512));
        int header = Array.IndexOf(right, (byte)'}');
        forged.AsSpan(0, header).CopyTo(right);
        using var made = new MemoryStream();
        DeltaApplier.ApplyVerified(old, new MemoryStream(right), made, source.Length, digest);
        Assert.Equal(source, made.ToArray());
        // One that makes only a part of it is not.
        byte[] part = RsyncData.DeltaOf(basis, source[..^1], new SignatureOptions(512));
        _ = Assert.Throws<VmPodException>(() =>
            DeltaApplier.ApplyVerified(old, new MemoryStream(part), new MemoryStream(), source.Length, Digest.ReadFrom(SHA256.HashData(source))));
    }

    [Fact]
    [Trait("Spec", "S-149")]
    [Trait("Threat", "T-24")]
    public void A_signature_whose_sums_match_everywhere_makes_a_delta_larger_and_not_slow()
    {
        const int BlockBytes = 4096, SourceBytes = 256 * 1024;
        byte[] source = new byte[SourceBytes];
        // All windows of zeros have one sum, and two blocks are said to have it, with hashes that nothing has.
        var blocks = new BlockList();
        blocks.Add(BlockSums.Rolling(RollingChecksum.Adler32V3, source.AsSpan(0, BlockBytes)), 1);
        blocks.Add(BlockSums.Rolling(RollingChecksum.Adler32V3, source.AsSpan(0, BlockBytes)), 2);
        var lie = new Signature(BlockHash.Xxh3, RollingChecksum.Adler32V3, BlockBytes, BlockBytes, blocks, null);
        DeltaSummary endless = Scan(lie, source, int.MaxValue), bounded = Scan(lie, source, RsyncLimits.FutileFactor);
        Assert.Equal((long)BlockBytes * (SourceBytes - BlockBytes + 1), endless.FutileBytes);       // a gigabyte for a quarter of a megabyte
        Assert.InRange(bounded.FutileBytes, 1, RsyncLimits.FutileBytesBase + RsyncLimits.FutileFactor * (long)SourceBytes + BlockBytes);
        Assert.Equal((0, SourceBytes), (bounded.CopiedBytes, bounded.DataBytes));
        Assert.Equal(source, RsyncData.Apply([], RsyncData.DeltaOf(lie, source), SourceBytes));
    }

    [Fact]
    [Trait("Spec", "S-145")]
    [Trait("Threat", "T-24")]
    public void A_signature_of_more_blocks_than_there_may_be_is_refused_while_it_is_read()
    {
        byte[] head = RsyncData.SignatureOf([], new SignatureOptions(128)), entry = [0x80, 0, .. new byte[12]];
        using var endless = new EndlessStream(head, entry);
        VmPodException e = Assert.Throws<VmPodException>(() => SignatureReader.Read(endless, long.MaxValue));
        Assert.Equal(ExitCode.NoSpace, e.ExitCode);
        Assert.InRange(endless.Given, (long)RsyncLimits.BlocksMax * entry.Length, (RsyncLimits.BlocksMax + 10_000L) * entry.Length);
        // And of a file that the reader knows to be smaller, long before.
        using var again = new EndlessStream(head, entry);
        e = Assert.Throws<VmPodException>(() => SignatureReader.Read(again, 12_800));
        Assert.Equal(ExitCode.NoSpace, e.ExitCode);
        Assert.InRange(again.Given, 1, 2 * RsyncLimits.ReadBytes);
    }

    [Fact]
    [Trait("Spec", "S-144")]
    public void A_basis_that_becomes_shorter_while_it_is_copied_from_is_an_error()
    {
        byte[] basis = RsyncData.Random(1, 0, 5000), delta = RsyncData.DeltaOf(basis, basis, new SignatureOptions(512));
        using var shorter = new LyingLength(basis[..100], basis.Length);
        Assert.Equal(ExitCode.Damaged,
            Assert.Throws<VmPodException>(() => DeltaApplier.Apply(shorter, new MemoryStream(delta), new MemoryStream(), basis.Length)).ExitCode);
    }

    [Fact]
    public void Two_streams_that_cannot_seek_are_a_bug_of_the_caller()
    {
        Signature none = SignatureBuilder.Build([], new SignatureOptions(512));
        _ = Assert.Throws<ArgumentException>(() => DeltaBuilder.Build(none, new DribbleStream(new MemoryStream()), new DribbleStream(new MemoryStream())));
    }

    private static DeltaSummary Scan(Signature basis, byte[] source, int futileFactor)
    {
        using var delta = new MemoryStream();
        IDeltaScan scan = DeltaBuilder.Begin(basis, delta, DeltaSearch.Everywhere, null, futileFactor);
        source.CopyTo(scan.Room());
        scan.Advance(source.Length);
        return scan.End();
    }

    private static byte[] WithCommands(byte[] commands) =>
        [.. RsyncData.DeltaOf(SignatureBuilder.Build([], new SignatureOptions(128)), []), .. commands];

    private static byte[] Copy(long offset, long length) => [0x60, .. BitConverter.GetBytes(offset), .. BitConverter.GetBytes(length)];

    /// <summary>A head, and then one entry for ever.</summary>
    private sealed class EndlessStream(byte[] head, byte[] entry) : MemoryStream
    {
        internal long Given { get; private set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            for (int i = 0; i < count; i++, Given++)
                buffer[offset + i] = Given < head.Length ? head[Given] : entry[(Given - head.Length) % entry.Length];
            return count;
        }
    }

    /// <summary>A file that was longer when its length was asked for.</summary>
    private sealed class LyingLength(byte[] bytes, long length) : MemoryStream(bytes)
    {
        public override long Length => length;
    }
}
