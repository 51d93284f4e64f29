using VmPod.Vault.Snapshots.Containers.Deflate;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Vmdk;

/// <summary>The bytes that zlib makes: a compressed grain in a file of VMware or QEMU must come out just so.</summary>
public sealed class ZlibTests
{
    private const string Script = """
        import sys, zlib, struct
        with open(sys.argv[1], 'rb') as f, open(sys.argv[2], 'wb') as out:
            while True:
                n = f.read(4)
                if not n: break
                data = f.read(struct.unpack('<I', n)[0])
                for level in range(1, 10):
                    packed = zlib.compress(data, level)
                    out.write(struct.pack('<I', len(packed)) + packed)
        """;

    [Fact]
    [Trait("Spec", "V-135")]
    public void Every_level_makes_the_bytes_that_zlib_makes()
    {
        List<byte[]> samples = [.. Samples()];
        string folder = Directory.CreateTempSubdirectory("vmpod-test-").FullName;
        try
        {
            string plain = Path.Combine(folder, "plain"), packed = Path.Combine(folder, "packed");
            using (var writer = new BinaryWriter(File.Create(plain)))
            {
                foreach (byte[] sample in samples)
                {
                    writer.Write(sample.Length);
                    writer.Write(sample);
                }
            }
            FolderTree.Run("python3", "-c", Script, plain, packed);
            using var reader = new BinaryReader(File.OpenRead(packed));
            using var compressor = new ZlibCompressor();
            byte[] made = new byte[2 << 20];
            for (int i = 0; i < samples.Count; i++)
            {
                for (int level = 1; level <= 9; level++)
                {
                    byte[] expected = reader.ReadBytes(reader.ReadInt32());
                    int length = compressor.Compress(samples[i], level, made);
                    Assert.True(made.AsSpan(0, Math.Max(length, 0)).SequenceEqual(expected),
                        $"sample {i} of {samples[i].Length} bytes at level {level}: {length} bytes, zlib's are {expected.Length}, the same up to "
                        + $"{made.AsSpan(0, Math.Max(length, 0)).CommonPrefixLength(expected)}");
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Bytes_made_to_be_dear_to_compress_are_given_up()
    {
        // Three bytes that occur everywhere, each time with another fourth: every candidate is looked at.
        byte[] dear = Data.Random(1, 64 * 1024);
        for (int i = 0; i < dear.Length; i += 4)
            (dear[i], dear[i + 1], dear[i + 2]) = (1, 2, 3);
        using var compressor = new ZlibCompressor();
        byte[] made = new byte[ZlibCompressor.Bound(dear.Length)];
        Assert.True(compressor.Compress(dear, 9, made) > 0);
        Assert.Equal(-1, compressor.Compress(dear, 9, made, stepsMax: 100_000));
    }

    private static IEnumerable<byte[]> Samples()
    {
        // Around the places where zlib's window moves, and where blocks end.
        int[] lengths = [1, 2, 3, 4, 5, 100, 257, 258, 259, 261, 262, 263, 5552, 16_382, 16_383, 16_384, 32_505, 32_506, 32_507, 32_768, 65_273, 65_274, 65_275,
            65_300, 65_535, 65_536, 65_537, 65_800, 98_304, 131_072, 262_144, 300_001];
        int seed = 1;
        foreach (int length in lengths)
        {
            yield return new byte[length];
            yield return Data.Random(seed++, length);
            yield return Data.Text(seed++, length);
            yield return QemuImage.Mixed(seed++, length);
        }
        for (int i = 0; i < 40; i++)
            yield return QemuImage.Mixed(1000 + i, 65_536);
        // Frequencies like Fibonacci's numbers: codes that would be longer than 15 bits.
        var steep = new List<byte>();
        for ((int symbol, int a, int b) = (0, 1, 1); symbol < 20; (symbol, a, b) = (symbol + 1, b, a + b))
            steep.AddRange(Enumerable.Repeat((byte)(symbol * 11), a));
        byte[] shuffled = [.. steep];
        new Random(1).Shuffle(shuffled);
        yield return shuffled;
        yield return [.. Enumerable.Range(0, 65_536).Select(i => (byte)(i % 251))];
        yield return [.. Enumerable.Range(0, 65_536).Select(i => (byte)(i / 256))];
    }
}
