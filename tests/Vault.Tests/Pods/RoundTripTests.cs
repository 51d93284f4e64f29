using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>What is put comes back byte by byte, with its holes, modes and times.</summary>
[Collection(PodsCollection.Name)]
public abstract class RoundTripTests
{
    protected abstract byte Suite { get; }

    private const long GiB = 1L << 30;

    [Theory]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(68)]
    [InlineData(128)]
    [InlineData(256)]
    [Trait("Spec", "V-01")]
    [Trait("Spec", "V-16")]
    [Trait("Spec", "V-17")]
    public void A_folder_comes_back_byte_exact_from_cells_of_every_size(int cellKiB)
    {
        using var pod = new TestPod(cellKiB * 1024, suite: Suite);
        Fill(pod);
        SnapshotWriter.Summary put = pod.Put();
        Assert.Equal(put.CellsAdded * cellKiB * 1024, put.BytesAdded);
        FolderTree.AssertSame(pod.Source, pod.Get());

        pod.Reopen();
        FolderTree.AssertSame(pod.Source, pod.Get());
        FolderTree.AssertSame(pod.Source, pod.Get(generation: 1));
        Assert.True(pod.Vault.Verify(progress: null, TestContext.Current.CancellationToken).IsSound);
    }

    [Fact]
    [Trait("Spec", "V-18")]
    public void A_disk_of_64_GiB_with_a_few_pages_takes_a_few_cells_and_comes_back_sparse()
    {
        using var pod = new TestPod(suite: Suite);
        Data.WriteSparse(pod.FileOf("disk"), 64 * GiB, 0, 5 * GiB, 32 * GiB + 4096, 64 * GiB - 4096);
        SnapshotWriter.Summary put = pod.Put();
        Assert.Equal(4, put.ChunksStored);
        Assert.Equal(1, put.CellsAdded);
        string got = pod.Get();
        FolderTree.AssertSame(pod.Source, got);
        Assert.True(FolderTree.BlockBytes(Path.Combine(got, "disk")) <= 64 * 1024);
    }

    [Fact]
    public void Reading_in_parallel_gives_every_reader_the_same_bytes()
    {
        using var pod = new TestPod(16 * 1024, suite: Suite);
        byte[] a = Data.Text(1, 5_000_000), b = Data.Random(2, 3_000_001);
        pod.Write("a", a);
        pod.Write("b", b);
        pod.Put();
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        Parallel.For(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, i =>
        {
            var stream = reader.Stream(i % 3 == 0 ? "b" : "a");
            byte[] expected = i % 3 == 0 ? b : a;
            byte[] chunk = new byte[64 * 1024];
            long number = (long)i * 7919 % stream.ChunkCount;
            reader.ReadChunk(stream, number, chunk);
            int length = stream.ChunkLength(number);
            Assert.True(expected.AsSpan((int)(number * 65_536), length).SequenceEqual(chunk.AsSpan(0, length)));
        });
    }

    internal static void Fill(TestPod pod)
    {
        foreach (int length in new[] { 0, 1, 4095, 4096, 65_535, 65_536, 65_537, 131_072, 200_001 })
        {
            pod.Write($"random-{length}", Data.Random(length + 1, length));
            pod.Write($"text/{length}.txt", Data.Text(length + 2, length));
        }
        pod.Write("zero", new byte[300_000]);
        pod.Write("deep/er/and/deeper/Größe π 大 \u0301.vmdk", Data.Text(3, 70_000));
        pod.Write("large", [.. Data.Text(4, 2_000_000), .. new byte[150_000], .. Data.Random(5, 1_000_003)]);
        Directory.CreateDirectory(pod.FileOf("empty"));
        Data.WriteSparse(pod.FileOf("sparse"), 3 * GiB + 5, 0, 70_000, GiB, GiB + 65_536, 3 * GiB - 4096);
        Data.WriteSparse(pod.FileOf("holes only"), 10 * GiB);
        File.SetUnixFileMode(pod.FileOf("random-1"), (UnixFileMode)0b100_000_000);
        File.SetUnixFileMode(pod.FileOf("random-0"), (UnixFileMode)0b111_101_101);
        File.SetUnixFileMode(pod.FileOf("random-4095"), UnixFileMode.None);
        File.SetLastWriteTimeUtc(pod.FileOf("zero"), new DateTime(1999, 12, 31, 23, 59, 59, DateTimeKind.Utc).AddTicks(1234567));
        File.SetLastWriteTimeUtc(pod.FileOf("random-1"), new DateTime(2040, 2, 29, 1, 2, 3, DateTimeKind.Utc));
        File.SetLastWriteTimeUtc(pod.FileOf("random-0"), new DateTime(1965, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Directory.SetLastWriteTimeUtc(pod.FileOf("deep/er"), new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        File.SetUnixFileMode(pod.FileOf("deep/er"), (UnixFileMode)0b101_101_000);
    }
}
