using System.Diagnostics;
using VmPod.Foundation;
using VmPod.Sync.Rsync;
using VmPod.Sync.Rsync.Deltas;
using VmPod.Sync.Rsync.Segments;
using VmPod.Sync.Rsync.Signatures;
using VmPod.Sync.Tests.Vectors;
using VmPod.Sync.Tests.Wire;
using Xunit;

namespace VmPod.Sync.Tests.Rsync;

/// <summary>The four readers of bytes from outside, with the vectors' files changed by chance: read, or refused as declared; never another exception, never
/// much memory, never more than was allowed. VMPOD_SOAK=20 gives each a million inputs.</summary>
[Trait("Threat", "T-24")]
public sealed class RsyncFuzzTests(ITestOutputHelper output)
{
    private const int Inputs = 50_000, BasisBytes = 1000, OutputBytes = 4000, CellBytes = 16 * 1024;

    /// <summary>Of a refusal: the exception with its texts and its stack. Of a reader: the metadata's members.</summary>
    private const int AllocatedBase = 24 * 1024;

    public static TheoryData<string> Readers() => ["signature in memory", "signature of a stream", "delta in memory", "delta of a segment"];

    [Theory]
    [MemberData(nameof(Readers))]
    [Trait("Spec", "S-145")]
    [Trait("Spec", "S-146")]
    public void A_changed_file_is_read_or_refused_within_bounded_memory(string reader)
    {
        byte[][] seeds = [.. Seeds(reader.Split(' ')[0])];
        var mutator = new Mutator(40261123);
        byte[] basis = RsyncData.Random(1, 0, BasisBytes);
        (int read, int damaged, int refused, int beyond) = (0, 0, 0, 0);
        long most = 0;
        for (int i = 0; i < Inputs * Soak.Rounds; i++)
        {
            byte[] seed = seeds[i % seeds.Length], other = seeds[(i * 7 + 1) % seeds.Length];
            // Of each seed, now all is changed, and now only what follows the metadata: else few would get so far.
            int head = i / seeds.Length % 2 == 0 ? 0 : Array.IndexOf(seed, (byte)'}') + 1;
            byte[] input = [.. seed.AsSpan(0, head), .. mutator.Mutate(seed.AsSpan(head), other.AsSpan(Array.IndexOf(other, (byte)'}') + 1))];
            using var outputFile = new BoundedSink(OutputBytes * CellBytes);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Read(reader, input, basis, outputFile);
                read++;
            }
            catch (VmPodException e)
            {
                _ = e.ExitCode switch
                {
                    ExitCode.Damaged => damaged++,
                    ExitCode.Refused => refused++,
                    ExitCode.NoSpace => beyond++,
                    _ => throw new UnreachableException($"exit code {e.ExitCode}", e),
                };
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            most = Math.Max(most, allocated);
            Assert.True(allocated <= AllocatedBase + Fixed(reader) + 6L * input.Length,
                $"{reader}: {input.Length} bytes made {allocated}: {Convert.ToHexString(input.AsSpan(0, Math.Min(2000, input.Length)))}");
        }
        output.WriteLine($"{reader}: {Inputs * Soak.Rounds} inputs from {seeds.Length} seeds: {read} read, {damaged} damaged, {refused} refused, "
            + $"{beyond} beyond their bounds; at most {most} bytes allocated");
        Assert.True(read > 500 && damaged > 1000 && beyond > 0, $"{read} read, {damaged} damaged, {beyond} beyond their bounds");
    }

    private static void Read(string reader, byte[] input, byte[] basis, Stream outputFile)
    {
        using var stream = new MemoryStream(input, writable: false);
        using var old = new MemoryStream(basis, writable: false);
        switch (reader)
        {
            case "signature in memory":
                Signature signature = SignatureReader.Read(input, OutputBytes);
                Assert.True(signature.BasisBytes <= OutputBytes && signature.Count <= input.Length / RsyncLimits.BlockEntryBytes);
                break;
            case "signature of a stream":
                _ = SignatureReader.Read(stream, OutputBytes);
                break;
            case "delta in memory":
                byte[] made = new byte[OutputBytes];
                _ = DeltaApplier.Apply(basis, input, made);
                break;
            default:
                // No cell, which only a delta without commands gives; or one freed place, which is 16 KiB of zeros.
                SegmentDelta.Apply(old, stream, outputFile, CellBytes, input.Length < CellBytes ? [] : [null]);
                break;
        }
    }

    // Buffers of a size that nothing in the input has an influence on.
    private static int Fixed(string reader) => reader switch
    {
        "delta in memory" => OutputBytes,
        "delta of a segment" => 2 * RsyncLimits.ReadBytes + CellBytes,
        "signature of a stream" => RsyncLimits.ReadBytes,
        _ => 0,
    };

    // All but the longest: a mutation of a few bytes in many says little.
    private static IEnumerable<byte[]> Seeds(string layer)
    {
        foreach (byte[] bytes in VectorFile.All("rsync/v1").Where(v => v.Layer == layer).Select(v => v.Bytes("bytes")).Where(b => b.Length is > 0 and < 3000))
            yield return bytes;
        if (layer != "delta")
            yield break;
        yield return RsyncData.DeltaOf([], new byte[CellBytes], new SignatureOptions(128));
        yield return RsyncData.DeltaOf(RsyncData.Random(1, 0, BasisBytes), [], new SignatureOptions(128));
    }

    /// <summary>Takes bytes, and fails when more come than may.</summary>
    private sealed class BoundedSink(long bytesMax) : Stream
    {
        private long written;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => written;

        public override long Position
        {
            get => written;
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer) => Assert.True((written += buffer.Length) <= bytesMax, "more was made than was allowed");

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
