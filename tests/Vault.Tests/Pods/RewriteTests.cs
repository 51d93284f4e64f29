using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.House;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Storing the newest generation anew: squash and the cleaner.</summary>
[Collection(PodsCollection.Name)]
public sealed class RewriteTests
{
    private const int Chunk = FormatLimits.ChunkBytes;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    [Trait("Spec", "V-168")]
    public void After_a_squash_no_cell_of_the_head_holds_anything_that_the_head_does_not_name(int cellKiB)
    {
        using TestPod pod = Machine(cellKiB, generations: 6);
        // Before it they do: what is asked for is there to be found.
        Assert.True(Superseded(pod) > 0, "no cell of the head holds a superseded payload: the test shows nothing");
        string newest = pod.Keep("newest");
        RewriteReport report = pod.Vault.Squash(TestPod.Session, TestPod.Host, null, Cancel);
        Assert.Equal((7UL, 6), (report.Generation, report.Forgotten));
        Assert.Equal(0, Superseded(pod));
        Assert.Equal(7UL, Assert.Single(pod.Vault.ListGenerations(pod.Vault.FindSession(TestPod.Session).Handle)).Record.Generation);
        FolderTree.AssertSame(newest, pod.Get());
        Assert.Equal(report.CellsToFree, pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells);
        pod.Reopen();
        FolderTree.AssertSame(newest, pod.Get());
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
        // It goes on as before: what did not change is known.
        Assert.Equal(0, pod.Put().ChunksStored);
        Data.WriteAt(pod.FileOf("disk-flat.vmdk"), 12_345, [1, 2, 3]);
        pod.Put();
        FolderTree.AssertSame(pod.Source, pod.Get());
    }

    [Fact]
    [Trait("Spec", "V-168")]
    public void A_squash_stores_a_page_of_memory_that_stands_on_the_disk_once()
    {
        using TestPod pod = Machine(64, generations: 2);
        RewriteReport report = pod.Vault.Squash(TestPod.Session, TestPod.Host, null, Cancel);
        // 4 MiB of disk and 4 MiB of the same pages in memory.
        Assert.True(report.CellsAdded < 80, $"{report.CellsAdded} cells");
    }

    [Fact]
    [Trait("Spec", "V-169")]
    public void The_cleaner_wins_the_cells_that_are_mostly_dead_and_changes_no_byte()
    {
        using TestPod pod = Disk(64);
        string newest = pod.Keep("newest");
        Assert.Null(pod.Vault.Clean(TestPod.Session, TestPod.Host, long.MaxValue, isDryRun: true, null, Cancel));
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [1], []));
        pod.Vault.CollectGarbage(isDryRun: false, null, Cancel);

        RewriteReport? would = pod.Vault.Clean(TestPod.Session, TestPod.Host, long.MaxValue, isDryRun: true, null, Cancel);
        Assert.Equal(2UL, pod.Vault.FindSession(TestPod.Session).Tip.Generation);
        RewriteReport? done = pod.Vault.Clean(TestPod.Session, TestPod.Host, long.MaxValue, isDryRun: false, null, Cancel);
        Assert.NotNull(would);
        Assert.NotNull(done);
        TestContext.Current.TestOutputHelper?.WriteLine($"would: {would}; done: {done}");
        Assert.True(done.CellsWon >= 64, $"won {done.CellsWon}");
        Assert.InRange(would.CellsToFree, done.CellsToFree - 12, done.CellsToFree + 12);
        Assert.Equal(done.CellsToFree, pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells);
        Assert.Null(pod.Vault.Clean(TestPod.Session, TestPod.Host, long.MaxValue, isDryRun: false, null, Cancel));
        FolderTree.AssertSame(newest, pod.Get());
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
        Assert.Equal("put", Label(pod));
        Assert.Equal(0, pod.Put().ChunksStored);
    }

    [Fact]
    [Trait("Spec", "V-169")]
    public void The_cleaner_keeps_to_its_budget_and_gets_there_in_steps()
    {
        using TestPod pod = Disk(16);
        string newest = pod.Keep("newest");
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [1], []));
        pod.Vault.CollectGarbage(isDryRun: false, null, Cancel);
        int rounds = 0;
        while (pod.Vault.Clean(TestPod.Session, TestPod.Host, 1 << 20, isDryRun: false, null, Cancel) is { } round)
        {
            Assert.True(++rounds < 50 && round.CellsAdded < 200, $"round {rounds}: {round}");
            pod.Vault.CollectGarbage(isDryRun: false, null, Cancel);
        }
        FolderTree.AssertSame(newest, pod.Get());
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
    }

    [Fact]
    [Trait("Spec", "V-168")]
    public void A_squash_that_is_cancelled_changes_nothing_and_one_of_a_session_that_runs_is_refused()
    {
        using TestPod pod = Machine(16, generations: 3);
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => pod.Vault.Squash(TestPod.Session, TestPod.Host,
            new Told<TransferProgress>(_ => cancel.Cancel()), cancel.Token));
        Assert.Equal(3, pod.Vault.ListGenerations(pod.Vault.FindSession(TestPod.Session).Handle).Count);
        FolderTree.AssertSame(pod.Source, pod.Get());
        var host = new RemoteHost(pod);
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => pod.Vault.Squash(TestPod.Session, TestPod.Host, null, Cancel)).ExitCode);
        Assert.Null(pod.Vault.Clean(TestPod.Session, TestPod.Host, long.MaxValue, isDryRun: false, null, Cancel));
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-168")]
    public void The_last_checkpoint_is_not_squashed_away()
    {
        using TestPod pod = Machine(16, generations: 1);
        using (SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host))
            lease.Commit(GenerationKind.DiskOnly, "disk", lease.Reader!.Streams, close: true);
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => pod.Vault.Squash(TestPod.Session, TestPod.Host, null, Cancel)).ExitCode);
    }

    // A disk of 4 MiB, memory that has its pages and some of its own, and a small file; each generation changes some of each.
    private static TestPod Machine(int cellKiB, int generations)
    {
        var pod = new TestPod(cellKiB * 1024);
        byte[] disk = Data.Random(1, 64 * Chunk);
        byte[] memory = [.. Data.Random(2, 4 * Chunk), .. disk];
        pod.Write("disk-flat.vmdk", disk);
        pod.Write("guest.vmem", memory);
        pod.Write("state", Data.Text(3, 30_000));
        pod.Put();
        for (int i = 1; i < generations; i++)
        {
            for (int k = 0; k < 12; k++)
            {
                Data.WriteAt(pod.FileOf("disk-flat.vmdk"), (k * 5 + i) % 64 * Chunk + 8192, Data.Random(100 * i + k, 5000));
                Data.WriteAt(pod.FileOf("guest.vmem"), (k * 5 + i) % 68 * Chunk + 4096, Data.Random(100 * i + k + 50, 9000));
            }
            pod.Write("state", Data.Text(3 + i, 30_000));
            pod.Put();
        }
        return pod;
    }

    // A disk of 8 MiB, of which the second generation overwrites most: of each chunk a page or two stay, and its first payload with them.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Spec", "V-169")]
    public void Old_cells_are_emptied_although_kept_generations_need_them_if_those_are_let_go_in_turn(bool forgets)
    {
        const int Days = 16, Last = 2;
        using var pod = new TestPod(16 * 1024);
        byte[] disk = Data.Random(1, 16 * Chunk);
        long later = 0, freed = 0;
        for (int day = 1; day <= Days; day++)
        {
            // Each day one page of each chunk, never the last: all that the first day stored is needed for one page in sixteen, in the end.
            for (int chunk = 0; chunk < 16; chunk++)
                Data.Random(day * 100 + chunk, 4096).CopyTo(disk, (chunk * 16 + day % 15) * 4096);
            pod.Write("disk-flat.vmdk", disk);
            pod.Put();
            if (forgets)
                pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, new KeepRules(Last, 0, 0)));
            if (pod.Vault.Clean(TestPod.Session, TestPod.Host, long.MaxValue, isDryRun: false, null, Cancel) is { } done)
                later += done.CellsLater;
            freed += pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells;
        }
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"forgets: {forgets}; {later} cells left to older generations, {freed} freed, {pod.Vault.Store.CellCount} ever");
        Assert.Equal(disk, File.ReadAllBytes(Path.Combine(pod.Get(), "disk-flat.vmdk")));
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
        // Where nothing is forgotten, what older generations hold is held for good, and moving it would only cost.
        Assert.Equal(forgets, later > 0);
        Assert.Equal(forgets, freed > 0);
    }

    private static TestPod Disk(int cellKiB)
    {
        var pod = new TestPod(cellKiB * 1024);
        pod.Write("disk-flat.vmdk", Data.Random(1, 128 * Chunk));
        pod.Put();
        foreach (int i in Enumerable.Range(0, 128 * 16).Where(i => i % 11 != 0))
            Data.WriteAt(pod.FileOf("disk-flat.vmdk"), i * 4096L, Data.Random(1000 + i, 4096));
        pod.Put();
        return pod;
    }

    private static string Label(TestPod pod)
    {
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        return reader.Label;
    }

    // Lines of directories in cells that the head needs which no chunk, table, list or manifest of it names.
    private static int Superseded(TestPod pod)
    {
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        HashSet<(CellId, uint)> named = [];
        foreach (PayloadRef place in reader.State.AllPlaces())
        {
            foreach (PayloadRef one in (place.Pages?.Targets ?? []).Select(t => t.Place).Append(place).Where(p => p.HasPayload))
            {
                named.Add((one.Cell, one.Slot));
                named.UnionWith((one.Rest ?? []).Select(rest => (rest, 0u)));
            }
        }
        int superseded = 0;
        foreach (CellId id in named.Select(n => n.Item1).Concat(reader.Record.ManifestCells).Distinct())
        {
            PayloadEntry[] lines = reader.Payloads.ReadDirectory(id);
            for (uint line = 0; line < lines.Length; line++)
                superseded += named.Contains((id, line)) || (lines[line].Stream == MetadataStream.Manifest && reader.Record.ManifestCells.Contains(id)) ? 0 : 1;
        }
        return superseded;
    }
}
