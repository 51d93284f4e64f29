using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.House;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Generations that the owner lets go, and the space that they leave.</summary>
[Collection(PodsCollection.Name)]
public sealed class ForgetTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Spec", "V-160")]
    [Trait("Spec", "V-162")]
    public void A_forgotten_generation_is_not_listed_and_not_opened_and_gc_frees_what_it_alone_needed()
    {
        using TestPod pod = FivePuts(out List<string> kept);
        long cells = pod.Vault.Store.CellCount;
        Assert.Equal(0, pod.Vault.CollectGarbage(isDryRun: true, null, Cancel).Freed.Cells);
        ForgetPlan plan = pod.Vault.PlanForget(TestPod.Session, [2, 4], []);
        Assert.True(plan.CellsFreed > 10, $"{plan.CellsFreed} cells");
        Assert.Equal(5, Numbers(pod).Count);
        pod.Vault.Forget(plan);
        Assert.Equal([1, 3, 5], Numbers(pod));
        VmPodException gone = Assert.Throws<VmPodException>(() => pod.Vault.OpenSession(TestPod.Session, 2));
        Assert.Equal(ExitCode.NotFound, gone.ExitCode);
        Assert.Contains("forgotten", gone.Message, StringComparison.Ordinal);
        Assert.Throws<VmPodException>(() => pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host, generation: 4));

        Assert.Equal(plan.CellsFreed, pod.Vault.CollectGarbage(isDryRun: true, null, Cancel).Freed.Cells);
        GarbageReport done = pod.Vault.CollectGarbage(isDryRun: false, null, Cancel);
        Assert.Equal(plan.CellsFreed, done.Freed.Cells);
        Assert.Equal(cells, pod.Vault.Store.CellCount);
        AssertWhole(pod, kept, 1, 3, 5);
        Assert.Equal(0, pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells);
        pod.Reopen();
        Assert.Equal([1, 3, 5], Numbers(pod));
        AssertWhole(pod, kept, 1, 3, 5);
        pod.Write("a", Data.Random(77, 700_000));
        pod.Put();
        FolderTree.AssertSame(pod.Source, pod.Get());
        AssertWhole(pod, kept, 1, 3, 5);
    }

    [Fact]
    [Trait("Spec", "V-160")]
    public void A_caches_loss_brings_nothing_back()
    {
        using TestPod pod = FivePuts(out _);
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [2], []));
        pod.Vault.Dispose();
        File.Delete(Path.Combine(pod.Folder, "v1/logindex"));
        pod.Reopen();
        Assert.Equal([1, 3, 4, 5], Numbers(pod));
        Assert.Throws<VmPodException>(() => pod.Vault.OpenSession(TestPod.Session, 2));
    }

    [Fact]
    [Trait("Spec", "V-160")]
    [Trait("Threat", "T-13")]
    public void A_forgetting_that_the_owner_did_not_sign_counts_for_nothing()
    {
        using TestPod pod = FivePuts(out _);
        GenerationInfo second = pod.Vault.ListGenerations(pod.Vault.FindSession(TestPod.Session).Handle)[1];
        using var seed = VmPod.Secrets.SecretBuffer.Random(32);
        using var other = VmPod.Vault.Keys.SigningKey.FromSeed(seed);
        ForgetEntry forged = ForgetEntry.Create(second.Record.Session, second.Offset, second.Hash, 1, other, pod.Vault.Descriptor.VaultId);
        // The log key works while the pod is locked: its thief can append.
        pod.Vault.Store.Commit([new PendingEntry(LogEntryTypes.Forget, forged.ToBytes())], c => new HeadDraft(0, 1, c.Previous!.Sessions));
        Assert.Equal(5, Numbers(pod).Count);
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session, 2);
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [2], []));
        Assert.Equal([1, 3, 4, 5], Numbers(pod));
    }

    [Fact]
    [Trait("Spec", "V-166")]
    public void The_newest_the_last_checkpoint_and_what_an_open_lease_began_from_stay()
    {
        using TestPod pod = FivePuts(out _);
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => pod.Vault.PlanForget(TestPod.Session, [1, 5], [])).ExitCode);
        using (SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: false, TestPod.Host, generation: 2))
        {
            Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => pod.Vault.PlanForget(TestPod.Session, [2], [])).ExitCode);
            // A disk-only generation on top of it: the checkpoint before it is still the last one.
            lease.Commit(GenerationKind.DiskOnly, "disk", lease.Reader!.Streams, close: true);
        }
        Assert.Equal([1, 2, 3, 4, 5, 6], Numbers(pod));
        ForgetPlan plan = pod.Vault.PlanForget(TestPod.Session, new KeepRules(Last: 1, 0, 0));
        // The newest goes back to the second; the fifth is the newest checkpoint.
        Assert.Equal([1UL, 3, 4], plan.Generations.Select(g => g.Record.Generation));
        Assert.Equal([2UL, 5], plan.Stays.Select(s => s.Generation));
        pod.Vault.Forget(plan);
        Assert.Equal([2, 5, 6], Numbers(pod));
        Assert.Equal(2UL, pod.Vault.FindCheckpoint(pod.Vault.FindSession(TestPod.Session).Handle)!.Record.Generation);
    }

    [Fact]
    [Trait("Spec", "V-162")]
    public void What_the_host_of_a_broken_lease_goes_on_from_stays_for_a_week_though_it_is_forgotten()
    {
        using var pod = new TestPod(16 * 1024);
        pod.Write("a", Data.Random(1, 400_000));
        pod.Put();
        var host = new RemoteHost(pod, generation: 1);
        var stream = host.Lease.Reader!.Streams[0];
        host.IsAway = true;
        byte[] chunk = Data.Random(5, 65_536);
        host.Lease.Put(new ChunkKey(stream.Number, 0), Codec.Raw, chunk.Length, chunk, host.Lease.TagOf(chunk));
        host.Lease.Commit(GenerationKind.DiskOnly, "away", host.Lease.Reader.Streams, close: true);
        Assert.True(pod.Vault.BreakLease(TestPod.Session));
        pod.Write("a", Data.Random(2, 400_000));
        pod.Put();
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [1], []));
        Assert.Equal(0, pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells);
        host.HandIn(pod.Vault);
        ForkInfo fork = Assert.Single(pod.Vault.ListForks(host.Lease.Session));
        using (SessionReader reader = pod.Vault.OpenSession(TestPod.Session, fork: fork.LeaseId))
        {
            byte[] got = new byte[65_536];
            reader.ReadChunk(reader.Streams[0], 0, got);
            Assert.Equal(chunk, got);
            reader.ReadChunk(reader.Streams[0], 3, got);
        }
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
        // Once the fork is let go too, nothing needs the first generation.
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [], [fork.LeaseId]));
        Assert.Empty(pod.Vault.ListForks(host.Lease.Session));
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-162")]
    [Trait("Spec", "V-170")]
    public void A_host_that_comes_back_after_more_than_a_week_finds_what_it_went_on_from_gone_and_leaves_no_broken_fork()
    {
        var clock = new MovedTime();
        using var pod = new TestPod(16 * 1024, time: clock);
        pod.Write("a", Data.Random(1, 400_000));
        pod.Put();
        var host = new RemoteHost(pod) { IsAway = true };
        host.Lease.Commit(GenerationKind.DiskOnly, "away", host.Lease.Reader!.Streams, close: true);
        pod.Vault.BreakLease(TestPod.Session);
        pod.Write("a", Data.Random(2, 400_000));
        pod.Put();
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [1], []));
        Assert.Equal(0, pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells);
        clock.By = TimeSpan.FromDays(8);
        Assert.True(pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells > 0);
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => host.HandIn(pod.Vault)).ExitCode);
        Assert.Empty(pod.Vault.ListForks(host.Lease.Session));
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
        host.End();
    }

    [Fact]
    [Trait("Spec", "V-162")]
    public void What_an_open_lease_has_sent_and_not_committed_is_not_freed()
    {
        using TestPod pod = FivePuts(out List<string> kept);
        using SessionLease lease = pod.Vault.BeginLease("other", create: true, TestPod.Host);
        byte[] chunk = Data.Random(5, 65_536);
        for (ulong i = 0; i < 8; i++)
            lease.Put(new ChunkKey(1, i), Codec.Raw, chunk.Length, chunk, lease.TagOf(chunk));
        // Another session's commit: what the lease has sent is committed cells now, that no commit names.
        pod.Put();
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [2], []));
        Assert.True(pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells > 0);
        lease.Commit(GenerationKind.Checkpoint, "late", [new StreamInfo(1, StreamKind.Disk, "disk", 8 * 65_536, 0, 0)], close: true);
        using SessionReader reader = pod.Vault.OpenSession("other");
        byte[] got = new byte[65_536];
        for (long i = 0; i < 8; i++)
        {
            Assert.True(reader.ReadChunk(reader.Streams[0], i, got));
            Assert.Equal(chunk, got);
        }
        AssertWhole(pod, kept, 1, 3, 5);
    }

    [Fact]
    [Trait("Spec", "V-166")]
    public void Rules_keep_the_newest_of_each_day_and_week()
    {
        DateTimeOffset start = new(2026, 3, 2, 8, 0, 0, TimeSpan.Zero);
        // Three a day for four weeks, from a Monday.
        GenerationInfo[] all = [.. Enumerable.Range(0, 84).Select(i => At((ulong)i + 1, start.AddDays(i / 3).AddHours(4 * (i % 3))))];
        Assert.Equal([84UL, 83, 82], new KeepRules(3, 0, 0).Keep(all).OrderDescending().ToArray());
        Assert.Equal([84UL, 81, 78], new KeepRules(0, 3, 0).Keep(all).OrderDescending().ToArray());
        Assert.Equal([84UL, 63, 42], new KeepRules(0, 0, 3).Keep(all).OrderDescending().ToArray());
        Assert.Equal([84UL, 83, 81, 63], new KeepRules(2, 2, 2).Keep(all).OrderDescending().ToArray());
        Assert.True(new KeepRules(0, 0, 0).AreEmpty);
    }

    private static GenerationInfo At(ulong number, DateTimeOffset time)
    {
        var record = new CommitRecord
        {
            VaultId = 1,
            Session = new SessionHandle(1),
            LeaseId = 1,
            Term = 1,
            Number = number,
            Kind = GenerationKind.Checkpoint,
            Generation = number,
            TimeMs = (ulong)time.ToUnixTimeMilliseconds(),
            Parent = default,
            ParentOffset = 0,
            SessionOffset = 0,
            LeaseOffset = 0,
            ManifestCells = [default],
            ManifestSlot = 0,
            ManifestBytes = 1,
            AddedCount = 0,
            AddedHash = default,
            DroppedCount = 0,
            DroppedHash = default,
            LiveCount = 0,
            LiveRoot = default,
        };
        return new GenerationInfo(record, 0, default, CommitTrust.Sound);
    }

    private sealed class MovedTime : TimeProvider
    {
        public TimeSpan By { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + By;
    }

    // Five generations of a file that is random each time, beside one that stays.
    private static TestPod FivePuts(out List<string> kept)
    {
        var pod = new TestPod(16 * 1024);
        pod.Write("same", Data.Random(100, 300_000));
        kept = [];
        for (int i = 1; i <= 5; i++)
        {
            pod.Write("a", Data.Random(i, 500_000));
            pod.Put();
            kept.Add(pod.Keep(i.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
        return pod;
    }

    private static List<int> Numbers(TestPod pod) =>
        [.. pod.Vault.ListGenerations(pod.Vault.FindSession(TestPod.Session).Handle).Select(g => (int)g.Record.Generation)];

    private static void AssertWhole(TestPod pod, List<string> kept, params int[] generations)
    {
        foreach (int number in generations)
            FolderTree.AssertSame(kept[number - 1], pod.Get((ulong)number));
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
    }
}
