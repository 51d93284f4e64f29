using System.Text;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.PodKeeper.Tests.Pods;

public sealed class PodTests
{
    [Fact]
    public void A_new_pod_says_so_in_its_log_and_is_unlocked_by_its_passphrase_alone()
    {
        using var test = new TestPod();
        using Pod pod = test.Open();
        using SecretBuffer wrong = TestPod.Secret("another passphrase"), right = TestPod.Secret(TestPod.Right);
        Assert.False(pod.TryUnlock(wrong));
        Assert.False(pod.Vault.IsUnlocked);
        Assert.False(pod.TryUnlock(wrong));
        Assert.Equal(2, pod.Audit.FailuresSinceUnlock());
        Assert.True(pod.TryUnlock(right));
        Assert.Equal(0, pod.Audit.FailuresSinceUnlock());
        Assert.Equal(["pod-init ok", "unlock-fail refused", "unlock-fail refused", "unlock-ok ok"], test.Events());
    }

    [Fact]
    public void Every_use_of_a_sessions_keys_has_an_entry_before_it_and_one_after_it_and_none_has_its_name()
    {
        const string name = "secret-project";
        using var test = new TestPod();
        using (Pod pod = test.OpenUnlocked())
        {
            pod.Put(name, [test.Files], "first", null, TestContext.Current.CancellationToken);
            pod.Get(name, null, test.Temp["out"], null, TestContext.Current.CancellationToken);
        }
        Assert.Equal("some bytes", File.ReadAllText(test.Temp["out", "a.txt"]));
        Assert.Equal(["pod-init ok", "unlock-ok ok", "keys-granted intent", "lease-opened ok", "commit ok", "put ok", "lease-closed ok",
            "keys-granted intent", "get ok"], test.Events());
        string log = Encoding.Latin1.GetString(File.ReadAllBytes(Path.Combine(test.Folder, "v1", "audit", "entries")));
        Assert.Contains("keys-granted", log, StringComparison.Ordinal);
        Assert.DoesNotContain(name, log, StringComparison.Ordinal);
    }

    [Fact]
    public void The_grant_is_durable_when_the_vaults_own_log_still_knows_no_lease()
    {
        using var test = new TestPod();
        using Pod pod = test.OpenUnlocked();
        pod.Put("work", [test.Files], "first", null, TestContext.Current.CancellationToken);
        long before = pod.Vault.Store.LogBytes;
        // A lease that cannot be had: the session is there, the generation is not.
        var error = Assert.Throws<VmPodException>(() => pod.BeginLease("work", LeasePurpose.Resume, generation: 99));
        Assert.Equal(ExitCode.NotFound, error.ExitCode);
        Assert.Equal(before, pod.Vault.Store.LogBytes);
        Assert.Equal(["keys-granted intent", "lease-opened failed"], test.Events()[^2..]);
    }

    [Fact]
    public void A_pod_whose_log_cannot_be_written_releases_no_key()
    {
        using var test = new TestPod();
        using (Pod pod = test.OpenUnlocked())
            pod.Put("work", [test.Files], "first", null, TestContext.Current.CancellationToken);
        using Pod unlocked = test.OpenUnlocked();
        test.BreakLog();
        long before = unlocked.Vault.Store.LogBytes;

        Assert.Throws<VmPodException>(() => unlocked.BeginLease("work", LeasePurpose.Resume));
        Assert.Throws<VmPodException>(() => unlocked.OpenSession("work", LeasePurpose.Get));
        Assert.Throws<VmPodException>(() => unlocked.Get("work", null, test.Temp["out"], null, TestContext.Current.CancellationToken));
        Assert.False(Directory.Exists(test.Temp["out"]));
        Assert.Equal(before, unlocked.Vault.Store.LogBytes);

        // The attack without the defence: the vault itself would have released them.
        using SessionReader released = unlocked.Vault.OpenSession("work");
        Assert.Equal("first", released.Label);
    }

    [Fact]
    public void A_pod_whose_log_cannot_be_written_stays_locked()
    {
        using var test = new TestPod();
        test.BreakLog();
        using SecretBuffer right = TestPod.Secret(TestPod.Right);
        using (Pod pod = test.Open())
        {
            Assert.Throws<VmPodException>(() => pod.TryUnlock(right));
            Assert.False(pod.Vault.IsUnlocked);
        }
        using PodVault vault = PodVault.Open(test.Folder, StoreAccess.Read, test.Clock);
        Assert.True(vault.TryUnlock(right));
    }

    [Fact]
    public void A_put_that_is_cancelled_leaves_no_session_and_says_so_in_the_log()
    {
        using var test = new TestPod();
        using Pod pod = test.OpenUnlocked();
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => pod.Put("work", [test.Files], "first", null, cancelled.Token));
        Assert.Empty(pod.Vault.ListSessions());
        AuditEntry last = pod.Audit.Reader.Read(new AuditFilter(Event: "put")).Single();
        Assert.Equal(AuditOutcome.Failed, last.Outcome);
        Assert.Equal("Cancelled", last.Detail["reason"].Text);
        pod.Put("work", [test.Files], "second", null, TestContext.Current.CancellationToken);
        Assert.Single(pod.Vault.ListSessions());
    }

    [Fact]
    public void A_lease_that_was_not_closed_is_released_by_its_own_host_or_broken_by_the_owner()
    {
        using var test = new TestPod();
        using Pod pod = test.OpenUnlocked();
        pod.Put("work", [test.Files], "first", null, TestContext.Current.CancellationToken);
        pod.BeginLease("work", LeasePurpose.Resume).Dispose();
        Assert.True(Assert.Single(pod.Vault.ListSessions()).LeaseIsOpen);
        Assert.True(pod.Release("work", otherHost: false));
        Assert.False(pod.Release("work", otherHost: false));

        pod.Vault.BeginLease("work", create: false, host: 1).Dispose();
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => pod.Release("work", otherHost: false)).ExitCode);
        Assert.True(pod.Release("work", otherHost: true));
        Assert.False(Assert.Single(pod.Vault.ListSessions()).LeaseIsOpen);
    }

    [Fact]
    public void Two_readers_log_without_being_in_each_others_way()
    {
        using var test = new TestPod();
        using Pod one = test.OpenUnlocked(StoreAccess.Read), two = test.OpenUnlocked(StoreAccess.Read);
        one.Audit.Append(new AuditEvent(AuditKind.LogReviewed, AuditOutcome.Ok));
        two.Audit.Append(new AuditEvent(AuditKind.LogReviewed, AuditOutcome.Ok));
        Assert.Equal(["unlock-ok ok", "unlock-ok ok", "log-reviewed ok", "log-reviewed ok"], test.Events()[^4..]);
    }

    [Fact]
    public void A_deep_verification_names_the_chunks_of_a_damaged_cell()
    {
        using var test = new TestPod();
        using (Pod pod = test.OpenUnlocked())
        {
            pod.Put("work", [test.Files], "first", null, TestContext.Current.CancellationToken);
            DeepReport sound = pod.VerifyDeep(null, TestContext.Current.CancellationToken);
            Assert.Equal((1, 1, 0), (sound.Generations, sound.Chunks, sound.DamagedCount));
        }
        Damage(test.Folder);
        using Pod damaged = test.OpenUnlocked();
        Assert.False(damaged.Verify(null, TestContext.Current.CancellationToken).IsSound);
        Assert.NotEqual(0, damaged.VerifyDeep(null, TestContext.Current.CancellationToken).DamagedCount);
    }

    [Fact]
    public void A_hosts_pseudonym_is_its_own_for_each_vault_and_each_boot()
    {
        UInt128 one = HostPseudonym.For(1, "machine", "boot");
        Assert.Equal(one, HostPseudonym.For(1, "machine", "boot"));
        Assert.Equal(4, new HashSet<UInt128> { one, HostPseudonym.For(2, "machine", "boot"), HostPseudonym.For(1, "other", "boot"),
            HostPseudonym.For(1, "machine", "next") }.Count);
    }

    /// <summary>Flips a bit in the first cell.</summary>
    internal static void Damage(string folder)
    {
        string segment = Directory.GetFiles(Path.Combine(folder, "v1", "segments")).Order(StringComparer.Ordinal).First();
        byte[] bytes = File.ReadAllBytes(segment);
        bytes[5000] ^= 1;
        File.WriteAllBytes(segment, bytes);
    }
}
