using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Pages that stand in two places are stored once, and stay what they were when one of the places changes.</summary>
[Collection(PodsCollection.Name)]
public sealed class PageReferenceTests
{
    private const int Page = FormatLimits.PageBytes, Chunk = FormatLimits.ChunkBytes;

    // Above the bound of streams that are deltas.
    private const int Length = 9 << 20, Pages = Length / Page;

    [Fact]
    [Trait("Spec", "V-141")]
    public void Memory_whose_pages_stand_on_the_disk_adds_no_cells_but_its_map()
    {
        byte[] disk = Data.Random(1, Length);
        byte[] memory = Shuffled(disk, 2);
        using var pod = new TestPod();
        pod.Write("disk.raw", disk);
        long alone = pod.Put().BytesAdded;
        pod.Write("mem.raw", memory);
        SnapshotWriter.Summary both = pod.Put();
        // Where a page is looked for is a hash table with a random seed: now and then one page in thousands finds no room in it.
        Assert.InRange(both.PagesReferenced, Pages * 99 / 100, Pages);
        // 2,304 pages in 2,304 other places are the worst there is: some 20 bytes each.
        Assert.True(both.BytesAdded <= 3 * Chunk, $"{both.BytesAdded} bytes added for memory that stands on the disk; the disk took {alone}");
        FolderTree.AssertSame(pod.Source, pod.Get());

        // The control: memory of its own costs what it is.
        pod.Write("mem.raw", Data.Random(3, Length));
        Assert.True(pod.Put().BytesAdded > Length, "random memory took no room");
    }

    [Fact]
    [Trait("Spec", "V-144")]
    public void A_word_changed_in_every_page_adds_little_though_every_chunk_changed()
    {
        byte[] memory = Data.Random(4, Length);
        using var pod = new TestPod();
        pod.Write("mem.raw", memory);
        pod.Put();
        for (int page = 0; page < Pages; page++)
            memory[page * Page + 100] ^= 1;
        pod.Write("mem.raw", memory);
        SnapshotWriter.Summary second = pod.Put();
        Assert.Equal(Pages, second.PagesDifferent);
        Assert.True(second.BytesAdded < Length / 20, $"{second.BytesAdded} bytes added for {Pages} changed bytes");
        FolderTree.AssertSame(pod.Source, pod.Get());

        // Once more, elsewhere: differences are never from differences, and do not grow for all that.
        for (int page = 0; page < Pages; page++)
            memory[page * Page + 200] ^= 1;
        pod.Write("mem.raw", memory);
        Assert.True(pod.Put().BytesAdded < Length / 20);
        FolderTree.AssertSame(pod.Source, pod.Get());
    }

    [Fact]
    [Trait("Spec", "V-145")]
    public void A_small_stream_that_changed_in_places_adds_one_cell()
    {
        byte[] state = Data.Random(5, 300_001);
        using var pod = new TestPod();
        pod.Write("state.bin", state);
        pod.Put();
        for (int generation = 0; generation < 4; generation++)
        {
            for (int at = generation; at < state.Length; at += 10_000)
                state[at] ^= 0x11;
            pod.Write("state.bin", state);
            Assert.Equal(1, pod.Put().CellsAdded);
            FolderTree.AssertSame(pod.Source, pod.Get());
        }
    }

    [Theory]
    [Trait("Spec", "V-140")]
    [Trait("Spec", "V-147")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_becomes_of_the_pages_that_others_rely_on_every_generation_reads_back(int seed)
    {
        var random = new Random(seed);
        using var pod = new TestPod();
        byte[] disk = Data.Text(seed, Length), memory = Shuffled(disk, seed);
        Data.Random(seed, 40 * Page).CopyTo(memory, 50 * Page);
        var kept = new List<string>();
        long referenced = 0, different = 0, shared = 0;
        for (int generation = 1; generation <= 6; generation++)
        {
            pod.Write("disk.raw", disk);
            pod.Write("mem.raw", memory);
            SnapshotWriter.Summary summary = pod.Put();
            (referenced, different, shared) = (referenced + summary.PagesReferenced, different + summary.PagesDifferent, shared + summary.ChunksShared);
            kept.Add(pod.Keep($"{seed}-{generation}"));
            if (generation == 3)
                pod.Reopen();
            for (int step = 0; step < 120; step++)
                Change(random, disk, memory);
        }
        Assert.True(referenced > 2 * Pages && different > 40 && shared > 100,
            $"{referenced} pages referenced, {different} different, {shared} chunks in groups: the test does not test what it is for");
        for (int i = 0; i < kept.Count; i++)
            FolderTree.AssertSame(kept[i], pod.Get((ulong)i + 1));
    }

    // A disk's page changes under the memory that names it (rule 1), pages move both ways, some change a little, some become zero.
    private static void Change(Random random, byte[] disk, byte[] memory)
    {
        int from = random.Next(Pages) * Page, to = random.Next(Pages) * Page;
        switch (random.Next(6))
        {
            case 0:
                random.NextBytes(disk.AsSpan(to, Page));
                break;
            case 1:
                disk.AsSpan(from, Page).CopyTo(memory.AsSpan(to));
                break;
            case 2:
                memory.AsSpan(from, Page).CopyTo(disk.AsSpan(to));
                break;
            case 3:
                memory[to + random.Next(Page)] ^= 0x11;
                break;
            case 4:
                disk[to + random.Next(Page)] ^= 0x11;
                break;
            default:
                memory.AsSpan(to, Page).Clear();
                break;
        }
    }

    private static byte[] Shuffled(byte[] disk, int seed)
    {
        int[] order = [.. Enumerable.Range(0, Pages)];
        new Random(seed).Shuffle(order);
        byte[] memory = new byte[disk.Length];
        for (int page = 0; page < Pages; page++)
            disk.AsSpan(order[page] * Page, Page).CopyTo(memory.AsSpan(page * Page));
        return memory;
    }
}
