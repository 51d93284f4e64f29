using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A small commit costs three cells at most, always (DESIGN D8): also when a table outgrows the manifest, and right after.</summary>
[Collection(PodsCollection.Name)]
public sealed class SmallCommitTests
{
    private const int Commits = 2_000, CellsMax = 3;

    [Theory]
    // A chunk that does not compress fills a cell and begins another one. Chunks of the second disk: its map fits the manifest, fills a leaf, fills many.
    [InlineData(FormatLimits.ChunkBytes, 100)]
    [InlineData(FormatLimits.ChunkBytes, 4_000)]
    [InlineData(40_000, 400_000)]
    [InlineData(65_300, 20_000)]
    [InlineData(100, 20_000)]
    [Trait("Spec", "V-25")]
    public void Two_thousand_commits_of_one_chunk_add_three_cells_at_most_and_each_chunk_is_what_was_put_last(int payloadBytes, int chunks)
    {
        string root = Directory.CreateDirectory(Path.Combine("/dev/shm", Path.GetRandomFileName())).FullName;
        try
        {
            using var pod = new TestPod(root: root);
            var random = new Random(chunks + payloadBytes);
            byte[] payload = new byte[payloadBytes], read = new byte[FormatLimits.ChunkBytes];
            var disk = new StreamInfo(1, StreamKind.Disk, "disk", (long)chunks * FormatLimits.ChunkBytes, 0, 0);
            var expected = new Dictionary<ulong, byte[]>();
            SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: true, TestPod.Host);
            long most = 0, sum = 0;
            // A first save, so that there is a map to rewrite: every second chunk.
            for (ulong chunk = 0; chunk < (ulong)Math.Min(chunks, 60_000); chunk += 2)
                Put(lease, chunk, payload.AsSpan(0, 4), expected, random);
            lease.Commit(GenerationKind.Checkpoint, "first", [disk]);
            for (int i = 0; i < Commits; i++)
            {
                // Hosts come and go: births of many leases stand in one leaf.
                if (i % 100 == 99)
                {
                    lease.Close();
                    lease.Dispose();
                    lease = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host, tip: true);
                }
                long before = lease.BytesAppended;
                Put(lease, (ulong)random.Next(chunks), payload, expected, random);
                lease.Commit(i % 7 == 0 ? GenerationKind.Draft : GenerationKind.Checkpoint, "small", [disk]);
                long cells = (lease.BytesAppended - before) / lease.CellBytes;
                sum += cells;
                most = Math.Max(most, cells);
                Assert.True(cells <= CellsMax, $"commit {i} added {cells} cells");
                // And now and then one of some hundred chunks, which may cost what it costs: what comes after it is small again.
                if (i % 500 != 250)
                    continue;
                for (int k = 0; k < 700; k++)
                    Put(lease, (ulong)random.Next(chunks), payload.AsSpan(0, Math.Min(payloadBytes, 50)), expected, random);
                lease.Commit(GenerationKind.Checkpoint, "large", [disk]);
            }
            lease.Close();
            lease.Dispose();
            TestContext.Current.TestOutputHelper?.WriteLine($"{sum / (double)Commits:0.000} cells a commit, {most} at most");
            pod.Reopen();
            using SessionReader reader = pod.Vault.OpenSession(TestPod.Session, tip: true);
            foreach ((ulong chunk, byte[] bytes) in expected)
            {
                var key = new ChunkKey(1, chunk);
                Assert.True(reader.State.Map.TryFind(key, out PayloadRef place));
                int length = reader.Payloads.ReadUpTo(key, place, read);
                Assert.True(bytes.AsSpan().SequenceEqual(read.AsSpan(0, Math.Min(length, 16))), $"chunk {chunk}");
            }
            Assert.True(pod.Vault.Verify(progress: null, TestContext.Current.CancellationToken).IsSound);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    // The first bytes of what was put are kept: every payload is another one.
    private static void Put(SessionLease lease, ulong chunk, Span<byte> payload, Dictionary<ulong, byte[]> expected, Random random)
    {
        random.NextBytes(payload);
        lease.Put(new ChunkKey(1, chunk), Codec.Raw, payload.Length, payload, lease.TagOf(payload));
        expected[chunk] = payload[..Math.Min(payload.Length, 16)].ToArray();
    }
}
