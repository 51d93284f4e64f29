using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Images;

/// <summary>A running machine's memory names pages of its disk that passed through the image, and never reads wrong for it.</summary>
[Collection(PodsCollection.Name)]
public sealed class ImagePageTests
{
    private const int Chunk = FormatLimits.ChunkBytes, Page = FormatLimits.PageBytes, Chunks = 40;

    private static readonly SessionImageOptions Small = new() { OverlayBytes = 64 * Chunk, CacheBytes = 16 * (Chunk + 64), EncodeThreads = 2 };
    private static readonly SessionImageOptions Tiny = Small with { OverlayBytes = 8 * Chunk };

    [Fact]
    [Trait("Spec", "V-141")]
    public void What_the_guest_read_from_its_disk_into_its_memory_is_not_stored_again()
    {
        using var pod = new TestPod();
        byte[] content = RandomNumberGenerator.GetBytes(Chunks * Chunk);
        Make(pod, content);
        using SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
        using var image = new SessionImage(lease, Small);
        (StreamInfo disk, StreamInfo memory) = (image.Streams[0], image.Streams[1]);
        long before = lease.BytesAppended;
        // In other places than on the disk, as a guest's cache is.
        for (int page = 0; page < Chunks * Chunk / Page; page++)
            image.Write(memory.Number, (page * 7 % (Chunks * Chunk / Page)) * (long)Page, Read(image, disk, page * Page, Page));
        image.Commit(GenerationKind.Checkpoint, "read");
        Assert.True(lease.BytesAppended - before <= 2 * Chunk, $"{lease.BytesAppended - before} bytes for memory that stands on the disk");
        for (int page = 0; page < Chunks * Chunk / Page; page++)
            Assert.Equal(content.AsSpan(page * Page, Page).ToArray(), Read(image, memory, page * 7 % (Chunks * Chunk / Page) * Page, Page));

        // The control: what did not pass costs what it is.
        before = lease.BytesAppended;
        image.Write(memory.Number, 0, RandomNumberGenerator.GetBytes(Chunks * Chunk));
        image.Commit(GenerationKind.Checkpoint, "own", close: true);
        Assert.True(lease.BytesAppended - before > Chunks * Chunk);
    }

    [Fact]
    [Trait("Spec", "V-140")]
    public void Memory_that_waits_for_a_checkpoint_survives_the_loss_of_the_disks_page_that_it_names()
    {
        using var pod = new TestPod();
        byte[] content = RandomNumberGenerator.GetBytes(Chunks * Chunk);
        Make(pod, content);
        using (SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host))
        using (var image = new SessionImage(lease, Tiny))
        {
            (StreamInfo disk, StreamInfo memory) = (image.Streams[0], image.Streams[1]);
            // Memory becomes what the disk is, and is sealed for want of room, without a commit.
            for (int chunk = 0; chunk < Chunks; chunk++)
                image.Write(memory.Number, chunk * Chunk, Read(image, disk, chunk * Chunk, Chunk));
            Assert.True(image.Counters.Spills > 0, "nothing was spilled");
            Assert.Contains(Enumerable.Range(0, Chunks), c => lease.TryFind(new ChunkKey(memory.Number, (ulong)c), out PayloadRef place)
                && place.Pages is { } pages && pages.Targets[0].Key.Stream == disk.Number);
            // The disk is written anew and committed alone: its old cells live no more.
            image.Write(disk.Number, 0, RandomNumberGenerator.GetBytes(Chunks * Chunk));
            image.Commit(GenerationKind.DiskOnly, "disk");
            image.Commit(GenerationKind.Checkpoint, "all", close: true);
        }
        pod.Reopen();
        AssertReads(pod, "memory", content);
        Assert.Empty(pod.Vault.Verify(null, TestContext.Current.CancellationToken).Damaged);
    }

    [Theory]
    [Trait("Spec", "V-141")]
    [InlineData(true)]
    [InlineData(false)]
    public void A_chunk_of_which_pages_stand_elsewhere_is_sealed_without_the_pod_once_it_was_fetched(bool isFetched)
    {
        const int Copied = Chunks - 1, Pages = 12;
        using var pod = new TestPod();
        byte[] content = RandomNumberGenerator.GetBytes(Chunks * Chunk);
        Make(pod, content);
        using (SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host))
        using (var image = new SessionImage(lease, Small))
        {
            // The last chunk gets pages of the first one.
            image.Write(image.Streams[0].Number, Copied * Chunk, Read(image, image.Streams[0], 0, Pages * Page));
            image.Commit(GenerationKind.Checkpoint, "copied", close: true);
            Assert.True(lease.TryFind(new ChunkKey(image.Streams[0].Number, Copied), out PayloadRef place) && place.Pages is { } table
                && table.Targets.Any(t => t.Key.Chunk == 0), "no page of it stands elsewhere");
        }
        content.AsSpan(0, Pages * Page).CopyTo(content.AsSpan(Copied * Chunk));

        var host = new RemoteHost(pod, "vm") { ReadsOnlyWhatItHas = true };
        using (var image = new SessionImage(host.Lease, Small))
        {
            uint disk = image.Streams[0].Number;
            image.PrepareCommit();
            // Written are just the pages that stand elsewhere, and one of the chunk's own.
            RandomNumberGenerator.Fill(content.AsSpan(Copied * Chunk, (Pages + 1) * Page));
            image.Write(disk, Copied * Chunk, content.AsSpan(Copied * Chunk, (Pages + 1) * Page));
            if (isFetched)
                image.Fetch(disk, Copied, new byte[Chunk]);
            host.IsAway = true;
            Assert.Equal(isFetched ? 0 : 1, image.CommitWithoutPod(GenerationKind.DiskOnly, "rest"));
            // And all of what was there before it is here, whatever of it was written.
            if (isFetched)
                Assert.Equal(content.AsSpan(0, Pages * Page).ToArray(), Read(image, image.Streams[0], 0, Pages * Page));
            else
                Assert.Throws<VmPodException>(() => Read(image, image.Streams[0], 0, Pages * Page));
        }
        _ = host.HandIn(pod.Vault);
        host.End();
        using SessionReader reader = pod.Vault.OpenSession("vm");
        byte[] chunk = new byte[Chunk];
        reader.ReadChunk(reader.Stream("disk"), Copied, chunk);
        Assert.Equal(isFetched, content.AsSpan(Copied * Chunk).SequenceEqual(chunk));
    }

    [Fact]
    [Trait("Spec", "V-147")]
    public void A_chunk_that_waited_for_its_group_when_the_link_was_lost_is_not_put_by_the_next_commit()
    {
        using var pod = new TestPod();
        byte[] content = RandomNumberGenerator.GetBytes(Chunks * Chunk);
        Make(pod, content);
        var host = new RemoteHost(pod, "vm") { ReadsOnlyWhatItHas = true };
        using (var image = new SessionImage(host.Lease, Small with { EncodeThreads = 1 }))
        {
            uint disk = image.Streams[0].Number;
            image.PrepareCommit();
            host.IsAway = true;
            // The first chunk waits for others when the second one turns out not to be here.
            image.Write(disk, 0, RandomNumberGenerator.GetBytes(Chunk));
            image.Write(disk, Chunk, content.AsSpan(Chunk, Page));
            Assert.Equal(ExitCode.LinkLost, Assert.Throws<VmPodException>(() => image.Commit(GenerationKind.DiskOnly, "away")).ExitCode);
            host.IsAway = false;
            image.Zero(disk, 0, Chunk);
            image.Commit(GenerationKind.DiskOnly, "back", close: true);
        }
        host.End();
        content.AsSpan(0, Chunk).Clear();
        AssertReads(pod, "disk", content);
    }

    [Theory]
    [Trait("Spec", "V-15")]
    [InlineData(21)]
    [InlineData(22)]
    [InlineData(23)]
    public void A_commit_that_ran_out_of_space_half_way_and_is_made_again_mixes_up_no_payloads(int seed)
    {
        var random = new Random(seed);
        using var small = new SmallDisk(12);
        using var pod = new TestPod(root: small.Path);
        byte[] model = new byte[Chunks * Chunk];
        random.NextBytes(model);
        Make(pod, model);
        using (SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host))
        using (var image = new SessionImage(lease, Small))
        {
            StreamInfo disk = image.Streams[0];
            string filler = Path.Combine(small.Path, "filler");
            for (int round = 0; round < 6; round++)
            {
                // A few pages of every chunk: most of each stays what it was, and is named.
                for (int at = 0; at < model.Length; at += Chunk)
                {
                    for (int i = 0; i < 3; i++)
                        WritePage(image, disk, model, at + random.Next(16) * Page, random);
                }
                if (round % 2 == 0)
                {
                    Fill(filler, small.Path, leave: 256 << 10);
                    VmPodException full = Assert.Throws<VmPodException>(() => image.Commit(GenerationKind.Checkpoint, "full"));
                    Assert.Equal(ExitCode.NoSpace, full.ExitCode);
                    File.Delete(filler);
                    for (int at = 0; at < model.Length; at += Chunk)
                        WritePage(image, disk, model, at + random.Next(16) * Page, random);
                }
                image.Commit(GenerationKind.Checkpoint, "whole");
                Assert.Equal(model, Read(image, disk, 0, model.Length));
            }
            lease.Close();
        }
        pod.Reopen();
        AssertReads(pod, "disk", model);
    }

    [Theory]
    [Trait("Spec", "V-140")]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public void Pages_that_move_between_disk_and_memory_agree_with_arrays_of_bytes_through_spills_and_commits(int seed)
    {
        var random = new Random(seed);
        byte[][] model = [new byte[Chunks * Chunk], new byte[Chunks * Chunk]];
        random.NextBytes(model[0]);
        using var pod = new TestPod();
        Make(pod, model[0]);
        for (int host = 0; host < 3; host++)
        {
            using SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
            using var image = new SessionImage(lease, host == 1 ? Small : Tiny);
            StreamInfo[] streams = [image.Streams[0], image.Streams[1]];
            for (int step = 0; step < 400; step++)
            {
                int from = random.Next(2), to = random.Next(2), source = random.Next(Chunks * 16) * Page, at = random.Next(Chunks * 16) * Page;
                switch (random.Next(8))
                {
                    case < 4:
                        byte[] page = Read(image, streams[from], source, Page);
                        Assert.Equal(model[from].AsSpan(source, Page).ToArray(), page);
                        image.Write(streams[to].Number, at, page);
                        page.CopyTo(model[to], at);
                        break;
                    case 4:
                        byte[] bytes = new byte[random.Next(1, 100)];
                        random.NextBytes(bytes);
                        image.Write(streams[to].Number, at + 33, bytes);
                        bytes.CopyTo(model[to], at + 33);
                        break;
                    case 5:
                        image.Zero(streams[to].Number, at, Page);
                        model[to].AsSpan(at, Page).Clear();
                        break;
                    case 6 when step % 9 == 0:
                        image.Commit(random.Next(3) switch { 0 => GenerationKind.Checkpoint, 1 => GenerationKind.DiskOnly, _ => GenerationKind.Draft }, "step");
                        break;
                    default:
                        Assert.Equal(model[from].AsSpan(source, Page).ToArray(), Read(image, streams[from], source, Page));
                        break;
                }
            }
            image.Commit(GenerationKind.Checkpoint, "end", close: true);
            for (int stream = 0; stream < 2; stream++)
                Assert.Equal(model[stream], Read(image, streams[stream], 0, Chunks * Chunk));
            pod.Reopen();
        }
    }

    private static void WritePage(SessionImage image, StreamInfo disk, byte[] model, int at, Random random)
    {
        random.NextBytes(model.AsSpan(at, Page));
        image.Write(disk.Number, at, model.AsSpan(at, Page));
    }

    private static void AssertReads(TestPod pod, string stream, byte[] expected)
    {
        using SessionReader reader = pod.Vault.OpenSession("vm");
        byte[] chunk = new byte[Chunk];
        for (int i = 0; i < Chunks; i++)
        {
            reader.ReadChunk(reader.Stream(stream), i, chunk);
            Assert.Equal(expected.AsSpan(i * Chunk, Chunk).ToArray(), chunk);
        }
    }

    private static void Fill(string path, string folder, long leave)
    {
        byte[] block = new byte[64 << 10];
        using FileStream file = File.Create(path);
        while (new DriveInfo(folder).AvailableFreeSpace > leave)
            file.Write(block);
    }

    private static void Make(TestPod pod, byte[] content)
    {
        using SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host);
        using var image = new SessionImage(lease, Small);
        StreamInfo disk = image.SetStream("disk", StreamKind.Disk, content.Length);
        image.SetStream("memory", StreamKind.Memory, content.Length);
        image.Write(disk.Number, 0, content);
        image.Commit(GenerationKind.Checkpoint, "made", close: true);
    }

    private static byte[] Read(SessionImage image, StreamInfo stream, long offset, int length)
    {
        byte[] bytes = new byte[length];
        image.Read(stream.Number, offset, bytes);
        return bytes;
    }
}
