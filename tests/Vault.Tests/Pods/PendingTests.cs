using System.Reflection;
using System.Runtime.InteropServices;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;
using static VmPod.Vault.Tests.Pods.GrantedLeaseTests;

namespace VmPod.Vault.Tests.Pods;

/// <summary>What nobody with keys has looked into is pending, and what is wrong with it is found before anything starts from it (rule 29).</summary>
[Collection(PodsCollection.Name)]
public sealed class PendingTests
{
    // A locked pod gives no key to read what a smaller write would leave of a chunk.
    private const int WholeChunks = 2 * FormatLimits.ChunkBytes;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Spec", "V-96")]
    [Trait("Spec", "V-98")]
    public void What_a_foreign_host_commits_is_pending_until_it_was_looked_into_and_an_honest_host_s_work_is_sound()
    {
        using TestPod pod = WithOneGeneration();
        SessionHandle session = pod.Vault.FindSession(TestPod.Session).Handle;
        Action[] changes =
        [
            () =>
            {
                pod.Write("c", Data.Random(3, 400_000));
                pod.Write("holes", new byte[700_000]);
            },
            () =>
            {
                pod.Write("a", Data.Random(1, 200_001));        // shorter
                File.Delete(pod.FileOf("b"));                   // gone
                pod.Write("c", new byte[400_000]);              // zero now
                pod.Write("holes", Data.Text(5, 900_000));      // and not
            },
            () => { },
        ];
        foreach (Action change in changes)
        {
            change();
            var host = new RemoteHost(pod, isForeign: true);
            Put(pod, host);
            host.End();
            FolderTree.AssertSame(pod.Source, pod.Get());
            pod.Reopen();
            Assert.True(Look(pod, Assert.Single(pod.Vault.ListPending(session)), out string? why), why);
            pod.Reopen();
            Assert.Empty(pod.Vault.ListPending(session));
        }
        Assert.All(pod.Vault.ListGenerations(session), g => Assert.Equal(CommitTrust.Sound, g.Trust));
        pod.Put();

        // A row of them, of which nobody looks into the first: the next is compared with what can be relied on.
        var last = new RemoteHost(pod, isForeign: true);
        for (int i = 0; i < 3; i++)
            Write(pod, last, "a", Data.Random(40 + i, 150_000));
        last.Lease.Close();
        last.End();
        pod.Vault.Lock();
        IReadOnlyList<PendingInfo> row = pod.Vault.ListPending(session);
        Assert.Equal(["@6", "@7", "@8"], row.Select(p => p.Name));
        pod.Reopen();
        Assert.True(Look(pod, row[2], out string? reason), reason);
        Assert.True(Look(pod, row[1], out reason), reason);
        Assert.Equal("@6", Assert.Single(pod.Vault.ListPending(session)).Name);
    }

    [Fact]
    [Trait("Spec", "V-99")]
    public void No_lease_starts_from_what_is_pending_without_the_owner_s_word()
    {
        using TestPod pod = WithOneGeneration();
        PendingInfo pending = Foreign(pod);
        foreach (Action start in new Action[] { () => pod.Put(), () => _ = new RemoteHost(pod), () => _ = new RemoteHost(pod, isForeign: true) })
        {
            VmPodException refused = Assert.Throws<VmPodException>(start);
            Assert.Equal(ExitCode.Refused, refused.ExitCode);
            Assert.Contains("@2 of session work is pending", refused.Message, StringComparison.Ordinal);
            Assert.Contains("podkeeper accept DIR work@2", refused.Hint, StringComparison.Ordinal);
        }
        Assert.False(pod.Vault.FindSession(TestPod.Session).LeaseIsOpen);
        // The older one is as good as ever.
        new RemoteHost(pod, generation: 1).End();
        pod.Vault.BreakLease(TestPod.Session);

        pod.Vault.WriteVerdict(pending, CommitTrust.Accepted);
        pod.Reopen();
        Assert.Equal(CommitTrust.Accepted, pod.Vault.ListGenerations(pending.Record.Session)[^1].Trust);
        pod.Put();
        // It can be looked into all the same.
        Assert.True(Look(pod, pod.Vault.ListPending(pending.Record.Session).Single(), out _));
        Assert.Empty(pod.Vault.ListPending(pending.Record.Session));
    }

    [Fact]
    [Trait("Spec", "V-98")]
    [Trait("Spec", "V-99")]
    public void A_planted_cell_with_a_right_tag_and_a_wrong_T_is_taken_in_by_a_locked_pod_and_found_once_it_is_unlocked()
    {
        using TestPod pod = WithOneGeneration();
        var host = new RemoteHost(pod);
        Write(pod, host, "a", Data.Random(8, 300_000));
        string second = pod.Keep("second");
        Relock(pod, host);
        // The host makes T with another key: its cells have right ids and right tags, and what opens them by K_rec alone is content.
        Spoil(host, keys => keys.Mac);
        Write(pod, host, "b", Data.Random(9, WholeChunks));
        SessionHandle session = host.Lease.Session;
        byte[] cell = new byte[16 * 1024], work = new byte[CellLayout.HeaderBytes + CellLayout.Capacity(cell.Length)];
        GenerationInfo taken = pod.Vault.ListGenerations(session)[^1];
        Assert.True(pod.Vault.Store.TryRead(taken.Record.ManifestCells[0], cell));
        using (LeaseKeys keys = LeaseKeys.Derive(host.LeaseKeyCopy!, pod.Vault.Descriptor.VaultId, (byte)pod.Vault.Descriptor.Suite))
        {
            Assert.True(CellCipher.TryOpen(keys, cell, work));
            Assert.False(CellCipher.MacIsRight(keys, cell, work));
        }
        host.Lease.Close();
        host.End();

        pod.Reopen();
        PendingInfo pending = Assert.Single(pod.Vault.ListPending(session));
        Assert.False(Look(pod, pending, out string? why));
        Assert.Contains("does not open", why, StringComparison.Ordinal);
        pod.Reopen();
        Assert.Equal([CommitTrust.Sound, CommitTrust.Sound, CommitTrust.Refused], pod.Vault.ListGenerations(session).Select(g => g.Trust));
        foreach (Action use in new Action[] { () => pod.Put(), () => pod.Get(), () => pod.Get(3), () => _ = new RemoteHost(pod) })
        {
            VmPodException refused = Assert.Throws<VmPodException>(use);
            Assert.Equal(ExitCode.Damaged, refused.ExitCode);
            Assert.Contains("work@2", refused.Hint, StringComparison.Ordinal);
        }
        // Refused is refused, whatever anybody says; and the generation before it goes on.
        pod.Vault.WriteVerdict(pending, CommitTrust.Accepted);
        Assert.Equal(CommitTrust.Refused, pod.Vault.ListGenerations(session)[^1].Trust);
        AssertSameBytes(second, pod.Get(2));
        var next = new RemoteHost(pod, generation: 2);
        Write(pod, next, "b", Data.Random(10, 100_000));
        next.Lease.Close();
        next.End();
        Assert.Equal(4UL, pod.Vault.ListGenerations(session)[^1].Record.Generation);
        pod.Get();
    }

    [Fact]
    [Trait("Spec", "V-98")]
    public void A_commit_that_drops_a_cell_which_its_map_still_names_is_found()
    {
        using TestPod pod = WithOneGeneration();
        CellId[] before = LiveOf(pod);
        var host = new RemoteHost(pod, isForeign: true);
        CellId? lost = null;
        host.Tamper = commit =>
        {
            CellId[] dropped = [.. commit.Dropped.Append((lost = before.Except(commit.Dropped).First()).Value).Order()];
            LiveSet after = pod.Vault.LiveSetOf((long)commit.Record.ParentOffset, commit.Record.Parent);
            Array.ForEach(commit.Added, id => after.Add(id));
            Array.ForEach(dropped, id => after.Remove(id));
            return host.Sign(commit.Record with { LiveCount = (ulong)after.Count, LiveRoot = after.Root() }, commit.Added, dropped);
        };
        Write(pod, host, "b", Data.Random(9, 100_000));
        host.Lease.Close();
        host.End();
        // No key tells that the generation needs a cell which its signed set does not have: a cleaner would free it.
        Assert.DoesNotContain(lost!.Value, LiveOf(pod));
        pod.Get();
        Assert.False(Look(pod, Assert.Single(pod.Vault.ListPending(pod.Vault.FindSession(TestPod.Session).Handle)), out string? why));
        Assert.Contains("not those that its host signed", why, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "V-98")]
    public void Tags_that_are_not_those_of_their_chunks_are_found()
    {
        using TestPod pod = WithOneGeneration();
        var host = new RemoteHost(pod, isForeign: true);
        Spoil(host, keys => keys.Tag);
        Write(pod, host, "b", Data.Random(9, 100_000));
        host.Lease.Close();
        host.End();
        pod.Get();
        Assert.False(Look(pod, Assert.Single(pod.Vault.ListPending(pod.Vault.FindSession(TestPod.Session).Handle)), out string? why));
        Assert.Contains("not what its tag says", why, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "V-98")]
    public void A_pod_that_lost_a_cell_does_not_blame_the_host()
    {
        using TestPod pod = WithOneGeneration();
        PendingInfo pending = Foreign(pod);
        pod.Vault.Dispose();
        string newest = Directory.GetFiles(Path.Combine(pod.Folder, "v1", "segments")).Order().Last();
        byte[] segment = File.ReadAllBytes(newest);
        segment[^100] ^= 1;
        File.WriteAllBytes(newest, segment);
        pod.Reopen();
        Assert.Equal(ExitCode.Damaged, Assert.ThrowsAny<VmPodException>(() => Look(pod, pending, out _)).ExitCode);
        Assert.Equal(CommitTrust.Pending, pod.Vault.ListGenerations(pending.Record.Session)[^1].Trust);
    }

    [Fact]
    [Trait("Spec", "V-97")]
    public void A_verdict_that_the_owner_did_not_sign_or_that_is_of_another_commit_counts_for_nothing()
    {
        using TestPod pod = WithOneGeneration();
        PendingInfo pending = Foreign(pod);
        SessionHandle session = pending.Record.Session;
        using SecretBuffer seed = SecretBuffer.Random(32);
        using SigningKey thief = SigningKey.FromSeed(seed);
        void Say(CommitTrust trust, Digest hash, SigningKey by)
        {
            var verdict = new VerdictEntry(session, (ulong)pending.Offset, hash, trust, 7, new byte[64]);
            by.Sign(verdict.SignedBytes(pod.Vault.Descriptor.VaultId), verdict.OwnerSignature);
            pod.Vault.Store.Commit([new PendingEntry(LogEntryTypes.Verdict, verdict.ToBytes())],
                context => new HeadDraft(0, 7, [.. context.Previous!.Sessions]));
        }
        Say(CommitTrust.Sound, pending.Hash, thief);
        Say(CommitTrust.Accepted, pending.Hash, thief);
        Say(CommitTrust.Sound, Digest.Zero, OwnerOf(pod));
        Assert.Equal(CommitTrust.Pending, pod.Vault.ListGenerations(session)[^1].Trust);
        // With the owner's key it would have.
        Say(CommitTrust.Sound, pending.Hash, OwnerOf(pod));
        Assert.Equal(CommitTrust.Sound, pod.Vault.ListGenerations(session)[^1].Trust);
    }

    [Fact]
    [Trait("Spec", "V-96")]
    public void Whoever_changes_the_type_of_a_pending_commit_in_the_log_damages_it()
    {
        using TestPod pod = WithOneGeneration();
        PendingInfo pending = Foreign(pod);
        pod.Vault.Dispose();
        string path = Path.Combine(pod.Folder, "v1", "log");
        byte[] log = File.ReadAllBytes(path);
        Assert.Equal(LogEntryTypes.PendingCommit, log[pending.Offset + 4]);
        log[pending.Offset + 4] = LogEntryTypes.Commit;
        File.WriteAllBytes(path, log);
        pod.Reopen();
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => pod.Put()).ExitCode);
    }

    [Fact]
    [Trait("Spec", "V-96")]
    public void Cells_that_came_while_the_pod_was_locked_make_the_commit_that_names_them_pending_and_those_after_it()
    {
        using TestPod pod = WithOneGeneration();
        var host = new RemoteHost(pod);
        Write(pod, host, "a", Data.Random(8, 300_000));
        Relock(pod, host);
        Write(pod, host, "a", Data.Random(9, WholeChunks));
        Attach(pod, host, isUnlocked: true);
        Assert.True(host.Granted.ChecksCells);
        Write(pod, host, "b", Data.Random(10, 100_000));
        host.Lease.Close();
        host.End();
        SessionHandle session = pod.Vault.FindSession(TestPod.Session).Handle;
        Assert.Equal(["@3", "@4"], pod.Vault.ListPending(session).Select(p => p.Name));
        foreach (PendingInfo pending in pod.Vault.ListPending(session))
            Assert.True(Look(pod, pending, out _));
        AssertSameBytes(pod.Source, pod.Get());
    }

    [Fact]
    [Trait("Spec", "V-96")]
    public void A_fork_that_a_locked_pod_took_in_is_pending_too()
    {
        using TestPod pod = WithOneGeneration();
        var host = new RemoteHost(pod) { IsAway = true };
        Write(pod, host, "b", Data.Random(10, 100_000));
        pod.Vault.BreakLease(TestPod.Session);
        pod.Vault.Lock();
        host.HandIn(pod.Vault);
        ulong leaseId = host.Lease.LeaseId;
        host.End();
        pod.Reopen();
        SessionHandle session = pod.Vault.FindSession(TestPod.Session).Handle;
        PendingInfo pending = Assert.Single(pod.Vault.ListPending(session));
        Assert.Equal("@" + ForkName.Of(leaseId), pending.Name);
        Assert.Contains(pending.Name, Assert.Throws<VmPodException>(() => new RemoteHost(pod, fork: leaseId)).Hint, StringComparison.Ordinal);
        Assert.True(Look(pod, pending, out _));
        Assert.Equal(CommitTrust.Sound, Assert.Single(pod.Vault.ListForks(session)).Trust);
        new RemoteHost(pod, fork: leaseId).End();
    }

    private static SigningKey OwnerOf(TestPod pod) =>
        (SigningKey)typeof(PodVault).GetField("owner", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(pod.Vault)!;

    private static PendingInfo Foreign(TestPod pod)
    {
        var host = new RemoteHost(pod, isForeign: true);
        Write(pod, host, "b", Data.Random(9, 100_000));
        host.Lease.Close();
        host.End();
        return Assert.Single(pod.Vault.ListPending(pod.Vault.FindSession(TestPod.Session).Handle));
    }

    private static bool Look(TestPod pod, PendingInfo pending, out string? why)
    {
        bool isSound;
        using (CommitCheck check = pod.Vault.BeginCheck(pending))
        {
            isSound = check.Run(null, Cancel);
            why = check.Reason;
        }
        pod.Vault.WriteVerdict(pending, isSound ? CommitTrust.Sound : CommitTrust.Refused);
        return isSound;
    }

    // The pod is started again, and nobody has unlocked it.
    private static void Relock(TestPod pod, RemoteHost host)
    {
        pod.Vault.Lock();
        Attach(pod, host, isUnlocked: false);
        Assert.False(host.Granted.ChecksCells);
    }

    private static void Attach(TestPod pod, RemoteHost host, bool isUnlocked)
    {
        if (isUnlocked)
        {
            using SecretBuffer secret = TestPod.Secret();
            Assert.True(pod.Vault.TryUnlock(secret));
        }
        host.KeepLeaseKey();
        host.Granted.Dispose();
        host.Granted = pod.Vault.AttachLease(host.Lease.Session, host.Lease.LeaseId, host.Lease.Term, RemoteHost.Name, 1000);
    }

    // One of the keys that the host seals with is another than the pod's.
    private static void Spoil(RemoteHost host, Func<LeaseKeys, ReadOnlySpan<byte>> which)
    {
        var keys = (LeaseKeys)typeof(SessionLease).GetField("keys", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(host.Lease)!;
        ReadOnlySpan<byte> key = which(keys);
        MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(key), key.Length)[0] ^= 1;
    }
}
