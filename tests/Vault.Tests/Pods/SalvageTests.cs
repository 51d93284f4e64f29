using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>What a damaged generation still gives, and what is said of the rest: to the chunk, and never an older version in place of a newer.</summary>
[Collection(PodsCollection.Name)]
[Trait("Threat", "T-02")]
public sealed class SalvageTests
{
    private const int CellBytes = 16 * 1024, Chunk = FormatLimits.ChunkBytes, Chunks = 2600;
    private const string Segment = "v1/segments/000000.seg";

    [Fact]
    [Trait("Spec", "V-180")]
    [Trait("Spec", "V-181")]
    public void Whatever_cell_is_damaged_every_other_chunk_comes_back_and_the_lost_ones_are_named()
    {
        using TestPod pod = TwoGenerations();
        string segment = Path.Combine(pod.Folder, Segment), want = Path.Combine(pod.Root, "kept-second");
        int cells = (int)(new FileInfo(segment).Length / CellBytes), whole = 0, mapLost = 0, chunksLost = 0;
        // The newest cells have the tables; a sample of the others has chunks.
        int[] chosen = [.. Enumerable.Range(0, cells).Where(cell => cell % 90 == 5 || cell > cells - 8)];
        foreach (int cell in chosen)
        {
            Flip(segment, (long)cell * CellBytes + 3000);
            List<ChunkDamage> told = DeepCheck(pod, generation: 2);
            HashSet<(string, long)> named = [.. told.Where(d => d.First is not null)
                .SelectMany(d => Enumerable.Range(0, (int)(d.Last!.Value - d.First!.Value + 1)).Select(i => (d.File!, d.First.Value + i)))];
            string into = Path.Combine(pod.Root, "salvaged");
            try
            {
                using SessionReader reader = pod.Vault.OpenSession(TestPod.Session, 2);
                SnapshotSalvage.Summary got = SnapshotSalvage.Get(reader, into, null, TestContext.Current.CancellationToken);
                long lost = AssertWholeOrNamed(want, into, got.Lost);
                Assert.Equal(named, got.Lost.SelectMany(l => Enumerable.Range(0, (int)(l.Last - l.First + 1)).Select(i => (l.File, l.First + i))).ToHashSet());
                mapLost += lost > 100 ? 1 : 0;
                chunksLost += lost is > 0 and <= 100 ? 1 : 0;
                whole += lost == 0 ? 1 : 0;
                if (lost > 0)
                {
                    Assert.All(told.Where(d => d.First is not null), d => Assert.Single(d.Cells));
                    // The attack works: without --salvage nothing at all is given back.
                    if (chunksLost < 3)
                        Assert.Equal(ExitCode.Damaged, Assert.ThrowsAny<VmPodException>(() => pod.Get(generation: 2)).ExitCode);
                }
                Directory.Delete(into, recursive: true);
            }
            catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
            {
                // The manifest itself: then no chunk can be named, and the check says the same.
                Assert.Contains(told, d => d is { File: null, Cells.Count: 1 });
            }
            Flip(segment, (long)cell * CellBytes + 3000);
            pod.Reopen();
        }
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{chosen.Length} of {cells} cells: {chunksLost} cost chunks, {mapLost} a part of the map, {whole} nothing of generation 2");
        Assert.True(chunksLost > 2 && mapLost > 0, $"{chunksLost}, {mapLost}, {whole}");
        Assert.Empty(DeepCheck(pod, generation: 2));
    }

    [Fact]
    [Trait("Spec", "V-181")]
    public void A_vmdk_whose_disk_lost_a_chunk_is_given_back_as_a_plain_disk()
    {
        using var pod = new TestPod(CellBytes);
        string raw = pod.FileOf("raw");
        Data.WriteSparse(raw, 8 << 20, [.. Enumerable.Range(0, 60).Select(i => (long)i * 2 * Chunk / 2)]);
        FolderTree.Run("qemu-img", "convert", "-O", "vmdk", raw, pod.FileOf("disk.vmdk"));
        byte[] disk = File.ReadAllBytes(raw);
        File.Delete(raw);
        pod.Put();
        string segment = Path.Combine(pod.Folder, Segment);
        Flip(segment, 3000);
        string into = Path.Combine(pod.Root, "salvaged");
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        SnapshotSalvage.Summary got = SnapshotSalvage.Get(reader, into, null, TestContext.Current.CancellationToken);
        Assert.Equal(["disk.vmdk/disk"], got.AsDisks);
        byte[] salvaged = File.ReadAllBytes(Path.Combine(into, "disk.vmdk/disk"));
        Assert.NotEmpty(got.Lost);
        Assert.Equal(disk.Length, salvaged.Length);
        for (int chunk = 0; chunk * Chunk < disk.Length; chunk++)
        {
            if (!got.Lost.Any(l => l.First <= chunk && chunk <= l.Last))
                Assert.True(disk.AsSpan(chunk * Chunk, Chunk).SequenceEqual(salvaged.AsSpan(chunk * Chunk, Chunk)), $"chunk {chunk}");
        }
    }

    internal static List<ChunkDamage> DeepCheck(TestPod pod, ulong generation)
    {
        var told = new List<ChunkDamage>();
        SessionSummary session = pod.Vault.FindSession(TestPod.Session);
        using SessionCheck check = pod.Vault.OpenCheck(session.Handle);
        // From the first on, as podkeeper does: what is unchanged is not read twice, and told twice.
        foreach (GenerationInfo info in pod.Vault.ListGenerations(session.Handle))
        {
            check.Run(info.Offset, info.Hash, damage =>
            {
                if (info.Record.Generation == generation)
                    told.Add(damage);
            }, static () => { }, TestContext.Current.CancellationToken);
        }
        return told;
    }

    // A map of several leaves, in two runs: the second generation changes chunks all over the disk.
    private static TestPod TwoGenerations()
    {
        var pod = new TestPod(CellBytes);
        Data.WriteSparse(pod.FileOf("disk.img"), (long)Chunks * Chunk, [.. Enumerable.Range(0, Chunks).Select(i => (long)i * Chunk)]);
        pod.Write("notes", Data.Text(1, 200_000));
        pod.Put();
        for (int chunk = 0; chunk < Chunks; chunk += 7)
            Data.WriteAt(pod.FileOf("disk.img"), (long)chunk * Chunk + 8192, Data.Random(chunk + 1, 3000));
        pod.Put();
        pod.Keep("second");
        return pod;
    }

    private static long AssertWholeOrNamed(string want, string got, IReadOnlyList<LostChunks> lost)
    {
        long count = 0;
        foreach (string path in Directory.EnumerateFiles(want))
        {
            string name = Path.GetFileName(path);
            byte[] expected = File.ReadAllBytes(path), actual = File.ReadAllBytes(Path.Combine(got, name));
            Assert.Equal(expected.Length, actual.Length);
            for (int at = 0; at < expected.Length; at += Chunk)
            {
                int length = Math.Min(Chunk, expected.Length - at);
                bool isLost = lost.Any(l => l.File == name && l.First <= at / Chunk && at / Chunk <= l.Last);
                count += isLost ? 1 : 0;
                bool isRight = isLost ? actual.AsSpan(at, length).IndexOfAnyExcept((byte)0) < 0
                    : expected.AsSpan(at, length).SequenceEqual(actual.AsSpan(at, length));
                Assert.True(isRight, $"{name} chunk {at / Chunk}: {(isLost ? "lost, and not a hole" : "not lost, and not what it was")}");
            }
        }
        return count;
    }

    private static void Flip(string path, long at)
    {
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = at;
        int value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ 0x10));
    }
}
