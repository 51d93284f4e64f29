using System.Security.Cryptography;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;
using VmPod.Vault.Tests.Pods;

namespace VmPod.Vault.Tests.Images;

/// <summary>The image that a machine's disk and memory are: what was written is read, now, after commits, and by the next host.</summary>
[Collection(PodsCollection.Name)]
public sealed class SessionImageTests
{
    private const int Chunk = FormatLimits.ChunkBytes, Page = FormatLimits.PageBytes;
    private const string Disk = "disk", Memory = "memory";

    // Small enough that a few writes overflow it: spilling is the rule in these tests, not the exception.
    private static readonly SessionImageOptions Tiny = new() { OverlayBytes = 8 * Chunk, CacheBytes = 4 * Chunk, EncodeThreads = 2 };

    [Fact]
    public void What_was_written_is_read_and_the_next_host_has_it_from_the_commit()
    {
        using var pod = new TestPod();
        byte[] first = RandomNumberGenerator.GetBytes(3 * Chunk + 777), second = RandomNumberGenerator.GetBytes(Page);
        using (SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host))
        {
            using var image = new SessionImage(lease, Tiny);
            StreamInfo disk = image.SetStream(Disk, StreamKind.Disk, 1L << 36);
            image.Write(disk.Number, 12_345, first);
            image.Write(disk.Number, (1L << 36) - Page, second);
            Assert.Equal(first, Read(image, disk, 12_345, first.Length));
            image.Commit(GenerationKind.Checkpoint, "one", close: true);
            Assert.Equal(second, Read(image, disk, (1L << 36) - Page, Page));
        }
        pod.Reopen();
        using SessionLease next = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
        using var again = new SessionImage(next, Tiny);
        StreamInfo stream = again.Streams.Single();
        Assert.Equal(first, Read(again, stream, 12_345, first.Length));
        Assert.Equal(second, Read(again, stream, (1L << 36) - Page, Page));
        Assert.Equal(new byte[Chunk], Read(again, stream, 1L << 30, Chunk));
        next.Close();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_writes_zeros_and_commits_agree_with_an_array_of_bytes(int seed)
    {
        const int length = 40 * Chunk;
        var random = new Random(seed);
        byte[] model = new byte[length];
        using var pod = new TestPod();
        for (int host = 0; host < 3; host++)
        {
            using SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host);
            using var image = new SessionImage(lease, Tiny);
            StreamInfo disk = image.SetStream(Disk, StreamKind.Disk, length);
            for (int step = 0; step < 150; step++)
            {
                int at = random.Next(length - 1), size = 1 + random.Next(Math.Min(length - at, random.Next(4) == 0 ? 5 * Chunk : 3 * Page));
                switch (random.Next(10))
                {
                    case < 6:
                        byte[] data = new byte[size];
                        if (random.Next(5) > 0)
                            random.NextBytes(data);
                        image.Write(disk.Number, at, data);
                        data.CopyTo(model, at);
                        break;
                    case 6:
                        image.Zero(disk.Number, at, size);
                        model.AsSpan(at, size).Clear();
                        break;
                    case 7 when step % 10 == 0:
                        image.Commit(random.Next(2) == 0 ? GenerationKind.Checkpoint : GenerationKind.Draft, "step");
                        break;
                    default:
                        Assert.Equal(model.AsSpan(at, size).ToArray(), Read(image, disk, at, size));
                        break;
                }
            }
            image.Commit(GenerationKind.Checkpoint, "end", close: true);
            Assert.Equal(model, Read(image, disk, 0, length));
            Assert.True(host > 0 || image.Counters.Spills > 0, "nothing was spilled: the test does not test what it is for");
        }
        using SessionReader reader = pod.Vault.OpenSession("vm");
        byte[] chunk = new byte[Chunk];
        for (int i = 0; i < length / Chunk; i++)
        {
            reader.ReadChunk(reader.Stream(Disk), i, chunk);
            Assert.Equal(model.AsSpan(i * Chunk, Chunk).ToArray(), chunk);
        }
    }

    [Fact]
    public void A_discard_of_10_GiB_of_data_needs_no_memory_of_the_overlay_and_next_to_none_else()
    {
        const long chunks = (10L << 30) / Chunk;
        using var pod = new TestPod();
        using (SessionLease first = pod.Vault.BeginLease("vm", create: true, TestPod.Host))
        {
            var full = new StreamInfo(1, StreamKind.Disk, Disk, 10L << 30, 0, 0);
            byte[] payload = [1, 2, 3, 4];
            for (ulong chunk = 0; chunk < (ulong)chunks; chunk++)
                first.Put(new ChunkKey(1, chunk), Codec.Raw, payload.Length, payload, first.TagOf(payload));
            first.Commit(GenerationKind.Checkpoint, "full", [full], close: true);
        }
        using SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
        using var image = new SessionImage(lease, Tiny);
        StreamInfo disk = image.Streams.Single();
        Assert.Equal(chunks, lease.Reader!.Chunks(disk).LongCount());
        // Written and not sealed, before the discard and after: the first is hidden, the second is not.
        image.Write(disk.Number, 5 * Chunk, RandomNumberGenerator.GetBytes(Page));
        long before = GC.GetTotalMemory(forceFullCollection: true);
        image.Zero(disk.Number, 0, disk.Length);
        long taken = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(taken < chunks * 256, $"{taken} bytes for {chunks} chunks");
        Assert.Equal((0L, 0L), (image.Counters.Spills, image.UnsealedBytes(StreamKind.Disk)));
        byte[] last = RandomNumberGenerator.GetBytes(Page);
        image.Write(disk.Number, 7 * Chunk + Page, last);
        foreach (long at in new[] { 0, 5L * Chunk, 6L * Chunk, 7L * Chunk, disk.Length - Chunk })
            Assert.Equal(new byte[Page], Read(image, disk, at, Page));
        Assert.Equal(last, Read(image, disk, 7 * Chunk + Page, Page));
        CommitSummary commit = image.Commit(GenerationKind.Checkpoint, "empty", close: true);
        Assert.True(commit.CellsAdded <= 100, $"{commit.CellsAdded} cells");
        pod.Reopen();
        using SessionReader reader = pod.Vault.OpenSession("vm");
        Assert.Equal([7L], reader.Chunks(disk));
    }

    [Fact]
    public void A_commit_holds_what_was_written_before_the_switch_and_nothing_written_after()
    {
        using var pod = new TestPod();
        using SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host);
        using var image = new SessionImage(lease, new SessionImageOptions { OverlayBytes = 64 * Chunk, CacheBytes = 8 * Chunk });
        StreamInfo disk = image.SetStream(Disk, StreamKind.Disk, 64 * Chunk);
        byte[] before = RandomNumberGenerator.GetBytes(Page), after = RandomNumberGenerator.GetBytes(Page);
        image.Write(disk.Number, 0, before);
        image.Commit(GenerationKind.Checkpoint, "switch", switched: () =>
        {
            image.Write(disk.Number, 0, after);
            image.Write(disk.Number, 9 * Chunk, after);
        });
        Assert.Equal(after, Read(image, disk, 0, Page));
        byte[] chunk = new byte[Chunk];
        lease.Reader!.ReadChunk(disk, 0, chunk);
        Assert.Equal(before, chunk[..Page]);
        Assert.False(lease.Reader.ReadChunk(disk, 9, chunk));
        image.Commit(GenerationKind.Checkpoint, "later", close: true);
        lease.Reader.ReadChunk(disk, 9, chunk);
        Assert.Equal(after, chunk[..Page]);
    }

    [Fact]
    public void Memory_written_between_two_checkpoints_does_not_enter_a_disk_only_commit()
    {
        using var pod = new TestPod();
        byte[] old = RandomNumberGenerator.GetBytes(Page), newer = RandomNumberGenerator.GetBytes(Page);
        using (SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host))
        {
            // So small an overlay that the memory is spilled into cells before the disk-only commit.
            using var image = new SessionImage(lease, Tiny);
            StreamInfo disk = image.SetStream(Disk, StreamKind.Disk, 64 * Chunk), memory = image.SetStream(Memory, StreamKind.Memory, 64 * Chunk);
            image.Write(memory.Number, 0, old);
            image.Commit(GenerationKind.Checkpoint, "checkpoint");
            for (int i = 0; i < 20; i++)
                image.Write(memory.Number, (long)i * Chunk, newer);
            image.Write(disk.Number, 0, newer);
            Assert.True(image.Counters.Spills > 0);
            image.Commit(GenerationKind.DiskOnly, "disk", close: true);
        }
        using SessionReader reader = pod.Vault.OpenSession("vm");
        byte[] chunk = new byte[Chunk];
        reader.ReadChunk(reader.Stream(Disk), 0, chunk);
        Assert.Equal(newer, chunk[..Page]);
        reader.ReadChunk(reader.Stream(Memory), 0, chunk);
        Assert.Equal(old, chunk[..Page]);
        Assert.Equal([0L], reader.Chunks(reader.Stream(Memory)));
    }

    [Fact]
    public void A_reset_stream_is_zero_for_the_machine_and_in_the_next_checkpoint()
    {
        using var pod = new TestPod();
        using SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host);
        using var image = new SessionImage(lease, Tiny);
        StreamInfo memory = image.SetStream(Memory, StreamKind.Memory, 64 * Chunk);
        for (int i = 0; i < 30; i++)
            image.Write(memory.Number, (long)i * Chunk, RandomNumberGenerator.GetBytes(Chunk));
        image.Commit(GenerationKind.Checkpoint, "full");
        image.Write(memory.Number, 40 * Chunk, RandomNumberGenerator.GetBytes(Page));
        image.Reset(memory);
        Assert.Equal(new byte[64 * Chunk], Read(image, memory, 0, 64 * Chunk));
        image.Commit(GenerationKind.Checkpoint, "empty", close: true);
        Assert.Empty(lease.Reader!.Chunks(memory));
    }

    [Fact]
    public async Task Parallel_writers_and_readers_of_one_image_never_see_a_torn_page_while_it_is_spilled_and_committed()
    {
        using var pod = new TestPod();
        using SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host);
        using var image = new SessionImage(lease, Tiny);
        StreamInfo disk = image.SetStream(Disk, StreamKind.Disk, 64 * Chunk);
        using var stop = new CancellationTokenSource();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        // Every page is filled with one byte; a page with two different bytes is torn.
        Task[] workers = [.. Enumerable.Range(0, 4).Select(worker => Task.Run(() =>
        {
            var random = new Random(worker);
            byte[] page = new byte[Page];
            while (!stop.IsCancellationRequested)
            {
                long at = random.Next(64 * Chunk / Page) * (long)Page;
                if (random.Next(2) == 0)
                {
                    Array.Fill(page, (byte)random.Next(256));
                    image.Write(disk.Number, at, page);
                    continue;
                }
                image.Read(disk.Number, at, page);
                Assert.Equal(-1, page.AsSpan().IndexOfAnyExcept(page[0]));
            }
        }))];
        // Four seconds, and longer where little happens in them.
        int commits = 0;
        while (clock.Elapsed < TimeSpan.FromSeconds(4) || (clock.Elapsed < TimeSpan.FromMinutes(2) && (image.Counters.Spills == 0 || commits < 10)))
        {
            image.Commit(GenerationKind.Draft, "tip");
            commits++;
            await Task.Delay(20);
        }
        await stop.CancelAsync();
        await Task.WhenAll(workers);
        Assert.True(image.Counters.Spills > 0 && commits >= 10, $"{image.Counters.Spills} spills, {commits} commits");
        image.Commit(GenerationKind.Checkpoint, "end", close: true);
        foreach (byte[] chunk in lease.Reader!.Chunks(disk).Select(c => ReadChunk(lease.Reader, disk, c)))
        {
            for (int at = 0; at < Chunk; at += Page)
                Assert.Equal(-1, chunk.AsSpan(at, Page).IndexOfAnyExcept(chunk[at]));
        }
    }

    [Fact]
    public void Wiping_leaves_nothing_of_what_was_written_in_this_process()
    {
        using var pod = new TestPod();
        using SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host);
        using var image = new SessionImage(lease, Tiny);
        StreamInfo disk = image.SetStream(Disk, StreamKind.Disk, 64 * Chunk);
        image.Write(disk.Number, 0, RandomNumberGenerator.GetBytes(Chunk));
        image.Wipe();
        Assert.Equal(new byte[Chunk], Read(image, disk, 0, Chunk));
        Assert.Equal(0, image.UnsealedBytes(StreamKind.Disk));
        lease.Close();
    }

    [Fact]
    public void Replacing_a_small_stream_by_a_shorter_one_leaves_nothing_of_the_longer()
    {
        using var pod = new TestPod();
        byte[] longer = RandomNumberGenerator.GetBytes(3 * Chunk + 5), shorter = RandomNumberGenerator.GetBytes(Chunk + 9);
        using SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host);
        using var image = new SessionImage(lease, new SessionImageOptions { OverlayBytes = 64 * Chunk, CacheBytes = 8 * Chunk });
        image.Replace("state", StreamKind.State, longer);
        image.Commit(GenerationKind.Checkpoint, "long");
        image.Replace("state", StreamKind.State, shorter);
        image.Commit(GenerationKind.Checkpoint, "short", close: true);
        StreamInfo state = lease.Reader!.Stream("state");
        Assert.Equal(shorter.Length, state.Length);
        Assert.Equal([0L, 1L], lease.Reader.Chunks(state));
        Assert.Equal(shorter, Enumerable.Range(0, 2).SelectMany(c => ReadChunk(lease.Reader, state, c)).ToArray());
    }

    private static byte[] Read(SessionImage image, StreamInfo stream, long offset, int length)
    {
        byte[] bytes = new byte[length];
        image.Read(stream.Number, offset, bytes);
        return bytes;
    }

    private static byte[] ReadChunk(SessionReader reader, StreamInfo stream, long chunk)
    {
        byte[] bytes = new byte[stream.ChunkLength(chunk)];
        reader.ReadChunk(stream, chunk, bytes);
        return bytes;
    }
}
