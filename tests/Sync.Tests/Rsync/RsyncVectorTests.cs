using System.Buffers.Binary;
using VmPod.Foundation;
using VmPod.Sync.Rsync;
using VmPod.Sync.Rsync.Deltas;
using VmPod.Sync.Rsync.Segments;
using VmPod.Sync.Rsync.Signatures;
using VmPod.Sync.Rsync.Sums;
using VmPod.Sync.Tests.Vectors;
using Xunit;

namespace VmPod.Sync.Tests.Rsync;

/// <summary>The files of tests/Vectors/rsync/v1, which a script that shares no code with VmPod wrote from the descriptions alone.</summary>
public sealed class RsyncVectorTests(ITestOutputHelper output)
{
    // Updated with the folder: a file that is lost or not read must not pass unseen.
    private const int Sums = 26, Blocks = 8, Signatures = 19, SignaturesRefused = 43, Deltas = 30, DeltasRefused = 31, Made = 36;

    [Fact]
    [Trait("Spec", "S-140")]
    [Trait("Spec", "S-141")]
    [Trait("Spec", "S-142")]
    [Trait("Spec", "S-143")]
    [Trait("Spec", "S-144")]
    [Trait("Spec", "S-146")]
    [Trait("Spec", "S-147")]
    [Trait("Spec", "S-148")]
    [Trait("Spec", "S-149")]
    [Trait("Spec", "S-150")]
    public void Every_vector_is_read_and_made_the_same_or_refused_with_its_exit_code()
    {
        VectorFile[] vectors = VectorFile.All("rsync/v1");
        int Count(string layer, bool pass) => vectors.Count(v => v.Layer == layer && v.MustPass == pass);
        int made = vectors.Count(v => v.MustPass && v.Layer is "signature" or "delta" && IsMade(v));
        Assert.Equal((Sums, Blocks, Signatures, SignaturesRefused, Deltas, DeltasRefused, Made),
            (Count("sums", true), Count("blocks", true), Count("signature", true), Count("signature", false), Count("delta", true), Count("delta", false),
                made));
        Assert.Equal(Sums + Blocks + Signatures + SignaturesRefused + Deltas + DeltasRefused, vectors.Length);
        Assert.All(vectors, v =>
        {
            (ExitCode expected, ExitCode outcome) = (v.MustPass ? ExitCode.Done : (ExitCode)v.Number("exit"), Outcome(v));
            Assert.True(expected == outcome, $"{v.Name}: {outcome}");
        });
        output.WriteLine($"{vectors.Length} vectors: {vectors.Count(v => v.MustPass)} accepted, of which {made} made byte for byte; "
            + $"{vectors.Count(v => !v.MustPass)} refused");
    }

    private static ExitCode Outcome(VectorFile v)
    {
        try
        {
            Action<VectorFile> check = v.Layer switch
            {
                "sums" => CheckSums,
                "blocks" => CheckBlocks,
                "signature" => CheckSignature,
                "delta" => CheckDelta,
                string other => throw new InvalidDataException($"{v.Name} has layer {other}"),
            };
            check(v);
            return ExitCode.Done;
        }
        catch (VmPodException e)
        {
            return e.ExitCode;
        }
    }

    private static void CheckSums(VectorFile v)
    {
        byte[] data = RsyncData.Of(v.Text("data"));
        Assert.Equal(
            (BinaryPrimitives.ReadUInt32LittleEndian(v.Bytes("adler32v3")), BinaryPrimitives.ReadUInt32LittleEndian(v.Bytes("adler32")),
                BinaryPrimitives.ReadUInt64LittleEndian(v.Bytes("xxh3")), BinaryPrimitives.ReadUInt64LittleEndian(v.Bytes("xxh64"))),
            (BlockSums.Rolling(RollingChecksum.Adler32V3, data), BlockSums.Rolling(RollingChecksum.Adler32, data),
                BlockSums.Hash(BlockHash.Xxh3, data), BlockSums.Hash(BlockHash.Xxh64, data)));
    }

    private static void CheckBlocks(VectorFile v) => Assert.Equal(v.Number("block"), SegmentDelta.BlockBytes((int)v.Number("cell")));

    private static void CheckSignature(VectorFile v)
    {
        byte[] bytes = v.Bytes("bytes");
        using var stream = new MemoryStream(bytes, writable: false);
        if (!v.MustPass)
        {
            _ = Assert.Throws<VmPodException>(() => SignatureReader.Read(new DribbleStream(stream), v.Number("max")));
            _ = SignatureReader.Read(bytes, v.Number("max"));
            return;
        }
        byte[] basis = RsyncData.Of(v.Text("basis"));
        SignatureOptions options = Options(v);
        Signature read = SignatureReader.Read(bytes, basis.Length), same = SignatureReader.Read(new DribbleStream(stream), basis.Length);
        Signature built = SignatureBuilder.Build(basis, options);
        Assert.Equal((built.Hash, built.Rolling, built.BlockBytes, built.LastBlockBytes, built.Count, (long)basis.Length),
            (read.Hash, read.Rolling, read.BlockBytes, read.LastBlockBytes, read.Count, read.BasisBytes));
        for (int i = 0; i < built.Count; i++)
        {
            Assert.Equal((built.SumOf(i), built.HashOf(i)), (read.SumOf(i), read.HashOf(i)));
            Assert.Equal((built.SumOf(i), built.HashOf(i)), (same.SumOf(i), same.HashOf(i)));
        }
        if (IsMade(v))
            Assert.Equal(bytes, RsyncData.SignatureOf(basis, options));
    }

    private static void CheckDelta(VectorFile v)
    {
        byte[] basis = RsyncData.Of(v.Text("basis")), bytes = v.Bytes("bytes");
        byte[] expected = v.MustPass ? RsyncData.Of(v.Text("output")) : [];
        int outputBytesMax = v.MustPass ? expected.Length : (int)v.Number("max");
        using var basisStream = new MemoryStream(basis, writable: false);
        using var stream = new MemoryStream(bytes, writable: false);
        using var made = new MemoryStream();
        if (!v.MustPass)
            _ = Assert.Throws<VmPodException>(() => DeltaApplier.Apply(basisStream, new DribbleStream(stream), made, outputBytesMax));
        Assert.Equal(expected, RsyncData.Apply(basis, bytes, outputBytesMax));
        Assert.Equal(expected.Length, DeltaApplier.Apply(basisStream, new DribbleStream(stream), made, outputBytesMax));
        Assert.Equal(expected, made.ToArray());
        if (IsMade(v))
            Assert.Equal(bytes, RsyncData.DeltaOf(basis, expected, Options(v)));
    }

    private static bool IsMade(VectorFile v) => v.Text("made") == "yes";

    private static SignatureOptions Options(VectorFile v) => new((int)v.Number("block"),
        v.Text("hash") == "XXH3" ? BlockHash.Xxh3 : BlockHash.Xxh64, v.Text("rolling") == "Adler32V3" ? RollingChecksum.Adler32V3 : RollingChecksum.Adler32);
}
