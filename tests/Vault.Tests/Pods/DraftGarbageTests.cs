using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>What garbage collection and verification make of drafts: commits that no list has, and that others may have gone on from (V-162).</summary>
[Collection(PodsCollection.Name)]
public sealed class DraftGarbageTests
{
    private static readonly UInt128 OtherHost = new(3, 4);
    private static readonly StreamInfo[] Streams = [new(1, StreamKind.Disk, "disk", FormatLimits.ChunkBytes, 0, 0)];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Spec", "V-162")]
    public void A_draft_that_nobody_went_on_from_is_found_while_the_host_that_began_from_it_may_come_back()
    {
        using var pod = new TestPod();
        Commit(pod, 1, GenerationKind.Checkpoint);
        Commit(pod, 2, GenerationKind.Draft);
        // Not closed: its host is gone, and its owner ends it.
        pod.Vault.BeginLease(TestPod.Session, create: false, OtherHost, tip: true).Dispose();
        Assert.True(pod.Vault.BreakLease(TestPod.Session));
        // The next one goes on from the newest generation, beside the draft.
        Commit(pod, 3, GenerationKind.Checkpoint);
        Assert.Equal(0, pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells);
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
    }

    [Fact]
    [Trait("Spec", "V-162")]
    public void What_was_freed_while_no_lease_was_open_is_not_missed_when_one_is()
    {
        using var pod = new TestPod();
        using (SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: true, TestPod.Host))
        {
            Put(lease, 1);
            lease.Commit(GenerationKind.Draft, "tip", Streams);
            Put(lease, 2);
            lease.Commit(GenerationKind.Checkpoint, "suspended", Streams, close: true);
        }
        Assert.True(pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells > 0);
        using SessionLease next = pod.Vault.BeginLease(TestPod.Session, create: false, OtherHost);
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
        Assert.Equal(0, pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells);
        next.Close();
    }

    [Fact]
    [Trait("Spec", "V-98")]
    [Trait("Spec", "V-162")]
    public void A_draft_that_was_freed_long_ago_is_not_missed_when_what_came_after_it_is_forgotten()
    {
        using var pod = new TestPod();
        using (SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: true, TestPod.Host))
        {
            Put(lease, 1);
            lease.Commit(GenerationKind.Draft, "tip", Streams);
            Put(lease, 2);
            lease.Commit(GenerationKind.Checkpoint, "suspended", Streams, close: true);
        }
        Assert.True(pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells > 0);
        // A host goes on from the checkpoint and is not heard of for a while: the session goes on without it, and the checkpoint is forgotten.
        var host = new RemoteHost(pod) { IsAway = true };
        Put(host.Lease, 3);
        host.Lease.Commit(GenerationKind.Checkpoint, "away", Streams, close: true);
        Assert.True(pod.Vault.BreakLease(TestPod.Session));
        Commit(pod, 4, GenerationKind.Checkpoint);
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [1], []));
        pod.Vault.Lock();
        host.HandIn(pod.Vault);
        host.End();
        pod.Reopen();
        // Its fork waits for a look. The nearest commit before it that nobody forgot is the draft.
        PendingInfo pending = Assert.Single(pod.Vault.ListPending(pod.Vault.FindSession(TestPod.Session).Handle));
        Assert.True(pod.Vault.Verify(null, Cancel).IsSound);
        Assert.Equal(0, pod.Vault.CollectGarbage(isDryRun: false, null, Cancel).Freed.Cells);
        using CommitCheck check = pod.Vault.BeginCheck(pending);
        Assert.True(check.Run(null, Cancel), check.Reason);
    }

    private static void Commit(TestPod pod, int content, GenerationKind kind)
    {
        using SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: true, TestPod.Host);
        Put(lease, content);
        lease.Commit(kind, "by itself", Streams, close: true);
    }

    private static void Put(SessionLease lease, int content)
    {
        byte[] chunk = Data.Random(content, FormatLimits.ChunkBytes);
        lease.Put(new ChunkKey(1, 0), Codec.Raw, chunk.Length, chunk, lease.TagOf(chunk));
    }
}
