using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Generations: each stays what it was; small changes cost little.</summary>
[Collection(PodsCollection.Name)]
public sealed class GenerationTests
{
    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(256)]
    [Trait("Spec", "V-21")]
    [Trait("Spec", "V-25")]
    [Trait("Spec", "V-36")]
    public void Every_generation_can_be_had_by_its_number_after_changes_of_every_kind(int cellKiB)
    {
        using var pod = new TestPod(cellKiB * 1024);
        RoundTripTests.Fill(pod);
        var kept = new List<string>();
        var changes = new Action[]
        {
            () => { },
            () => Data.WriteAt(pod.FileOf("large"), 777_777, [1]),
            () => File.Delete(pod.FileOf("random-200001")),
            () => Shrink(pod.FileOf("large"), 1_000_001),
            () => Shrink(pod.FileOf("large"), 65_536),
            () => Grow(pod.FileOf("large"), 500_000),
            () => Data.PunchHole(pod.FileOf("random-131072"), 0, 65_536),
            () => pod.Write("text/200001.txt", new byte[200_001]),
            () => Data.PunchHole(pod.FileOf("sparse"), 0, 1L << 31),
            () => Directory.Delete(pod.FileOf("deep"), recursive: true),
            () => pod.Write("random-200001", Data.Random(9, 200_001)),
            () => Replace(pod, "zero", folder: true),
            () => Replace(pod, "zero", folder: false),
            () => { },
        };
        foreach (Action change in changes)
        {
            change();
            pod.Put();
            kept.Add(pod.Keep(kept.Count.ToString(System.Globalization.CultureInfo.InvariantCulture)));
            FolderTree.AssertSame(pod.Source, pod.Get());
        }
        pod.Reopen();
        for (int i = 0; i < kept.Count; i++)
            FolderTree.AssertSame(kept[i], pod.Get((ulong)i + 1));
        Assert.Equal(kept.Count, pod.Vault.ListGenerations(pod.Vault.FindSession(TestPod.Session).Handle).Count);
        VmPodException none = Assert.Throws<VmPodException>(() => pod.Vault.OpenSession(TestPod.Session, (ulong)kept.Count + 1));
        Assert.Equal(ExitCode.NotFound, none.ExitCode);
        Assert.True(pod.Vault.Verify(progress: null, TestContext.Current.CancellationToken).IsSound);
    }

    [Fact]
    [Trait("Spec", "V-20")]
    public void Putting_the_same_again_stores_no_chunk_and_one_cell()
    {
        using var pod = new TestPod();
        RoundTripTests.Fill(pod);
        SnapshotWriter.Summary first = pod.Put(), second = pod.Put();
        Assert.Equal(0, second.ChunksStored);
        Assert.Equal(first.ChunksStored, second.ChunksUnchanged);
        Assert.Equal(1, second.CellsAdded);
    }

    [Fact]
    [Trait("Spec", "V-21")]
    [Trait("Spec", "V-35")]
    public void Three_hundred_generations_of_one_byte_add_two_cells_nearly_always_never_more_than_three_and_stay_readable()
    {
        const int generations = 300, chunks = 400;
        using var pod = new TestPod();
        byte[] expected = Data.Random(1, chunks * 65_536);
        pod.Write("disk", expected);
        pod.Put();
        var written = new List<(int Offset, byte Old, byte New)>();
        long cells = 0;
        for (int i = 0; i < generations; i++)
        {
            int offset = (int)(i * 7_919_333L % expected.Length);
            written.Add((offset, expected[offset], (byte)(expected[offset] ^ 0xFF)));
            expected[offset] ^= 0xFF;
            Data.WriteAt(pod.FileOf("disk"), offset, expected.AsSpan(offset, 1));
            SnapshotWriter.Summary put = pod.Put();
            Assert.Equal(1, put.ChunksStored);
            // A random chunk does not fit one cell, so two.
            Assert.True(put.CellsAdded <= 3, $"generation {i + 2} added {put.CellsAdded} cells");
            cells += put.CellsAdded;
        }
        Assert.True(cells <= generations * 21 / 10, $"{cells} cells for {generations} generations");
        TestContext.Current.TestOutputHelper?.WriteLine($"{cells} cells for {generations} generations of one byte of 25 MiB");
        pod.Reopen();
        // Backwards through history: each generation lacks the change after it.
        byte[] chunk = new byte[65_536];
        for (int generation = generations + 1; generation >= 1; generation--)
        {
            using SessionReader reader = pod.Vault.OpenSession(TestPod.Session, (ulong)generation);
            StreamInfo stream = reader.Stream("disk");
            foreach (int near in new[] { generation - 2, generation - 1, (generation * 31) % generations })
            {
                if (near < 0 || near >= generations)
                    continue;
                int number = written[near].Offset / 65_536;
                reader.ReadChunk(stream, number, chunk);
                Assert.True(expected.AsSpan(number * 65_536, 65_536).SequenceEqual(chunk), $"chunk {number} of generation {generation}");
            }
            if (generation >= 2)
                expected[written[generation - 2].Offset] = written[generation - 2].Old;
        }
    }

    [Fact]
    [Trait("Spec", "V-13")]
    [Trait("Spec", "V-15")]
    public void No_ordinal_is_used_twice_under_a_lease_and_every_cell_names_its_own_session()
    {
        using var pod = new TestPod(16 * 1024);
        pod.Write("a", Data.Random(1, 500_000));
        pod.Put();
        pod.Write("a", Data.Random(2, 600_000));
        pod.Put();
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        var seen = new HashSet<(ulong, ulong)>();
        byte[] segment = File.ReadAllBytes(Path.Combine(pod.Folder, "v1/segments/000000.seg")), work = new byte[16 + CellLayout.Capacity(16 * 1024)];
        for (int at = 0; at < segment.Length; at += 16 * 1024)
        {
            ReadOnlySpan<byte> cell = segment.AsSpan(at, 16 * 1024);
            Assert.True(CellHeader.TryRead(cell, out CellHeader header));
            Assert.True(CellCipher.TryOpen(reader.Keys.Find(header.KeyId)!, cell, work));
            Assert.True(CellContent.TryParse(work.AsSpan(CellLayout.HeaderBytes), out CellContent content));
            Assert.Equal((reader.Handle, header.KeyId), (content.Context.Session, content.Context.LeaseId));
            Assert.True(seen.Add((header.KeyId, content.Context.Ordinal)), $"ordinal {content.Context.Ordinal} twice");
        }
        Assert.Equal(2, seen.Select(s => s.Item1).Distinct().Count());
        Assert.True(seen.Count > 60);
    }

    private static void Shrink(string path, long length)
    {
        using var file = new FileStream(path, FileMode.Open);
        file.SetLength(length);
    }

    private static void Grow(string path, long length) => Shrink(path, length);

    private static void Replace(TestPod pod, string name, bool folder)
    {
        string path = pod.FileOf(name);
        if (folder)
        {
            File.Delete(path);
            pod.Write(name + "/inner", Data.Text(8, 99));
        }
        else
        {
            Directory.Delete(path, recursive: true);
            pod.Write(name, Data.Text(7, 100_000));
        }
    }
}
