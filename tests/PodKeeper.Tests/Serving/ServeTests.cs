using System.Security.Cryptography;
using System.Text;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Tests.Pods;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>A served pod and paired hosts, over real channels on loopback.</summary>
public sealed class ServeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Spec", "P-40")]
    public void A_host_finds_a_session_reads_it_with_released_keys_and_commits_a_generation()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect();
        SessionReply found = host.Link.Call(new FindRequest { Name = ServedPod.Session }, WireHost.Patience);
        Assert.Equal([2, 1], found.Generations.Select(g => (int)g.Generation));
        using SessionLease lease = host.Resume();
        string read = pod.Temp["read"];
        SnapshotReader.Get(lease.Reader!, read, null, Cancel);
        Assert.Equal(File.ReadAllBytes(pod.Temp["files", "a"]), File.ReadAllBytes(Directory.GetFiles(read, "a", SearchOption.AllDirectories).Single()));

        byte[] bytes = RandomNumberGenerator.GetBytes(200_000);
        File.WriteAllBytes(pod.Temp["files", "a"], bytes);
        SnapshotWriter.Put(lease, [pod.Temp["files"]], "remote", null, Cancel);
        lease.Close();
        (SnapshotReader.Summary _, ulong generation) = pod.Server.With(p => p.Get(ServedPod.Session, null, pod.Temp["out"], null, Cancel));
        Assert.Equal(3UL, generation);
        Assert.Equal(bytes, File.ReadAllBytes(Directory.GetFiles(pod.Temp["out"], "a", SearchOption.AllDirectories).Single()));

        List<AuditEntry> log = pod.Log;
        AuditEntry released = log.Last(e => e.Event == "keys-released");
        AuditEntry granted = log.Last(e => e.Event == "keys-granted" && e.Detail.ContainsKey("keys-max"));
        Assert.True(released.Detail["keys"].Number is > 0 and var n && n <= granted.Detail["keys-max"].Number);
        Assert.Equal("checked", log.Last(e => e.Event == "commit").Detail["cells"].Text);
        Assert.Equal("lease-closed", log.Last(e => e.Detail.ContainsKey("lease")).Event);
        Assert.True(AuditTrail.OpenReader(pod.Folder).Verify().IsIntact);
    }

    [Fact]
    [Trait("Spec", "P-41")]
    public void The_entries_that_grant_keys_are_durable_when_the_lease_s_key_arrives()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect();
        List<AuditEntry> atKey = [];
        host.OnKey = () => atKey = pod.Log;
        LeaseReply lease = host.Open();
        AuditEntry granted = atKey[^1];
        Assert.Equal(("keys-granted", AuditOutcome.Intent), (granted.Event, granted.Outcome));
        Assert.Equal(lease.LeaseId.ToString("x16"), granted.Detail["lease"].Text);
        Assert.Equal(PodLimits.KeysOfOneGrant, granted.Detail["keys-max"].Number);
        Assert.Equal(2, granted.Detail["generation"].Number);
        Assert.Equal(["lease-opened intent", "lease-opened ok", "keys-granted intent"],
            atKey.TakeLast(3).Select(e => $"{e.Event} {e.Outcome.ToString().ToLowerInvariant()}"));
    }

    [Fact]
    [Trait("Spec", "P-41")]
    public void If_the_log_cannot_be_written_no_lease_begins_and_no_key_leaves()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect();
        Directory.CreateDirectory(Path.Combine(pod.Folder, "v1", "audit", "checkpoint.new", "x"));
        bool gotKey = false;
        Assert.Throws<VmPodException>(() => host.Open(_ => gotKey = true));
        Assert.False(gotKey);
        Assert.False(pod.Server.With(p => p.Vault.FindSession(ServedPod.Session)).LeaseIsOpen);
    }

    [Fact]
    [Trait("Spec", "P-43")]
    public void Cells_outside_the_lease_are_refused_with_and_without_their_keys()
    {
        using var pod = new ServedPod();
        (CellId[] now, CellId[] before) = pod.Cells();
        Assert.NotEmpty(before);
        using WireHost host = pod.Connect();
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => host.Get(CellWant.Both, now[0])).ExitCode);
        host.Open();
        Assert.All(host.Get(CellWant.Both, now[..4]), c => Assert.Equal((CellStatus.Ok, 32), (c.Status, c.Key.Length)));
        foreach (CellWant want in new[] { CellWant.Key, CellWant.Cell, CellWant.Both })
            Assert.All(host.Get(want, before[..4]), c => Assert.Equal((CellStatus.Refused, 0, 0), (c.Status, c.Key.Length, c.Cell.Length)));
        Assert.Equal(CellStatus.Absent, host.Get(CellWant.Both, new CellId(DomainHash.Of(9, [1])))[0].Status);
    }

    [Fact]
    [Trait("Spec", "P-44")]
    public void Locked_while_a_lease_is_open_it_is_served_on_and_no_other_begins_and_lock_all_ends_it()
    {
        using var pod = new ServedPod();
        (CellId[] now, _) = pod.Cells();
        using WireHost host = pod.Connect(), other = pod.Connect();
        host.Open();
        Assert.Equal((true, 1), pod.Server.Lock(all: false));
        Assert.Equal(CellStatus.Ok, host.Get(CellWant.Both, now[0])[0].Status);
        VmPodException refused = Assert.Throws<VmPodException>(() => other.Open(session: "another", create: true));
        Assert.Equal(ExitCode.Refused, refused.ExitCode);
        Assert.Contains("locked", refused.Message, StringComparison.Ordinal);
        Assert.Contains("podkeeper unlock", refused.Hint, StringComparison.Ordinal);
        Until(() => host.Link.LastBeat is { Count: > 0, IsUnlocked: false });

        Assert.Equal((false, 1), pod.Server.Lock(all: true));
        Assert.Throws<VmPodException>(() => host.Get(CellWant.Key, now[0]));
        Until(() => host.Link.Ended.IsCompleted);
        Assert.Equal(0, pod.Server.State.Leases);
        Assert.Contains(pod.Log, e => e.Event == "lock" && e.Detail.ContainsKey("leases-revoked"));
    }

    [Fact]
    [Trait("Spec", "P-45")]
    public void A_lease_outlives_its_link_with_its_keys_also_while_the_pod_is_locked_and_only_for_its_host()
    {
        using var pod = new ServedPod();
        (CellId[] now, _) = pod.Cells();
        using WireHost host = pod.Connect();
        host.Open();
        pod.Server.Lock(all: false);
        host.Cut();
        Until(() => pod.Server.State.Links == 0);
        using var thief = new WireHost(pod.Server.Address, pod.Pair());
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => thief.Link.Call(host.AttachTo, WireHost.Patience)).ExitCode);
        using (var rebooted = new WireHost(pod.Server.Address, host.Pairing, boot: 2))
            Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => rebooted.Link.Call(host.AttachTo, WireHost.Patience)).ExitCode);
        using var again = new WireHost(pod.Server.Address, host.Pairing);
        Assert.True(again.Link.Call(host.AttachTo, WireHost.Patience).IsOpen);
        Assert.Equal(CellStatus.Ok, again.Get(CellWant.Both, now[0])[0].Status);
    }

    [Fact]
    [Trait("Spec", "P-45")]
    public void A_lease_whose_host_says_nothing_gives_no_key_until_it_is_renewed_and_parked_it_loses_them()
    {
        var time = new ShiftedTime();
        using var pod = new ServedPod(time: time);
        (CellId[] now, _) = pod.Cells();
        using WireHost host = pod.Connect();
        host.Open();
        time.Shift += PodLimits.LeaseTime;
        Assert.Equal(CellStatus.Refused, host.Get(CellWant.Key, now[0])[0].Status);
        Assert.True(host.Link.Call(RenewRequest.Instance, WireHost.Patience).ExpiresInMs > 0);
        Assert.Equal(CellStatus.Ok, host.Get(CellWant.Key, now[0])[0].Status);
        host.Cut();
        Until(() => pod.Server.State.Links == 0);
        Assert.Equal(1, pod.Server.State.Leases);
        time.Shift += PodLimits.LeaseTime;
        Until(() => pod.Server.State.Leases == 0);
        Until(() => pod.Log[^1] is { Event: "keys-released" } released && released.Detail["end"].Text == "time" && released.Detail["keys"].Number == 1);
        Assert.True(pod.Server.With(p => p.Vault.FindSession(ServedPod.Session)).LeaseIsOpen);
        using var again = new WireHost(pod.Server.Address, host.Pairing);
        again.Link.Call(host.AttachTo, WireHost.Patience);
    }

    [Fact]
    [Trait("Spec", "P-46")]
    public void Two_hosts_that_want_one_session_the_second_is_told_who_has_it()
    {
        using var pod = new ServedPod();
        using WireHost first = pod.Connect(), second = pod.Connect();
        first.Open();
        VmPodException busy = Assert.Throws<VmPodException>(() => second.Open());
        Assert.Equal(ExitCode.Busy, busy.ExitCode);
        Assert.Contains("another host holds its lease", busy.Message, StringComparison.Ordinal);
        using var twice = new WireHost(pod.Server.Address, first.Pairing);
        Assert.Contains("this host already", Assert.Throws<VmPodException>(() => twice.Open()).Message, StringComparison.Ordinal);

        Assert.True(pod.Server.Release(ServedPod.Session, otherHost: true));
        Until(() => first.Link.Ended.IsCompleted);
        second.Open();
    }

    [Fact]
    [Trait("Spec", "P-47")]
    public void A_link_killed_in_the_middle_of_a_put_leaves_the_vault_as_it_was_and_the_host_goes_on()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect();
        SessionLease lease = host.Resume();
        ulong commits = pod.Server.With(p => p.Vault.FindSession(ServedPod.Session)).Commits;
        File.WriteAllBytes(pod.Temp["files", "a"], RandomNumberGenerator.GetBytes(200_000));
        host.IsCutAtCommit = true;
        Assert.Throws<VmPodException>(() => SnapshotWriter.Put(lease, [pod.Temp["files"]], "remote", null, Cancel));
        Assert.True(host.Link.PutCount > 10);
        Until(() => pod.Server.State.Links == 0);
        Assert.Equal(commits, pod.Server.With(p => p.Vault.FindSession(ServedPod.Session)).Commits);
        Assert.True(pod.Server.With(p => p.Verify(null, Cancel)).IsSound);
        using var again = new WireHost(pod.Server.Address, host.Pairing);
        again.Link.Call(host.AttachTo, WireHost.Patience);
        again.Link.Call(DiscardRequest.Instance, WireHost.Patience);
        again.Close();
        Assert.False(pod.Server.With(p => p.Vault.FindSession(ServedPod.Session)).LeaseIsOpen);
    }

    [Fact]
    [Trait("Spec", "P-48")]
    public void A_locked_pod_that_was_started_again_takes_a_rest_in_unchecked_and_gives_no_key()
    {
        using var pod = new ServedPod();
        (CellId[] now, _) = pod.Cells();
        WireHost host = pod.Connect(HostRole.Home);
        using SessionLease lease = host.Resume();
        pod.Server.Dispose();
        pod.Start(unlocked: false);
        using var again = new WireHost(pod.Server.Address, host.Pairing);
        Assert.False(again.Link.Pod!.IsUnlocked);
        again.Link.Call(host.AttachTo, WireHost.Patience);
        Assert.Equal(CellStatus.Refused, again.Get(CellWant.Key, now[0])[0].Status);
        // A home host may have what is sealed; a foreign one may not.
        Assert.Equal(CellStatus.Ok, again.Get(CellWant.Cell, now[0])[0].Status);
        using WireHost foreign = pod.Connect();
        Assert.Throws<VmPodException>(() => foreign.Get(CellWant.Cell, now[0]));
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => foreign.Link.Call(ListRequest.Instance, WireHost.Patience)).ExitCode);
        Assert.Equal("", again.Link.Call(ListRequest.Instance, WireHost.Patience).Lines.Single().Name);
        AuditEntry attached = pod.Log.Last(e => e.Event == "lease-attached");
        Assert.Equal("no", attached.Detail["keys"].Text);
        pod.Unlock();
        again.Link.Call(host.AttachTo, WireHost.Patience);
        Assert.Equal(CellStatus.Ok, again.Get(CellWant.Key, now[0])[0].Status);
        host.Dispose();
    }

    [Fact]
    [Trait("Spec", "P-49")]
    public void A_host_s_own_words_in_the_log_are_numbers_about_its_session_and_receipts_must_be_signed()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect();
        var resume = new LogRequest { Kind = (ushort)AuditKind.SessionResume, Numbers = [new LogNumber("answer-ms", 95)] };
        Assert.Throws<VmPodException>(() => host.Link.Call(resume, WireHost.Patience));
        host.Open();
        host.Link.Call(resume, WireHost.Patience);
        AuditEntry said = pod.Log[^1];
        Assert.Equal(("session-resume", 95L), (said.Event, said.Detail["answer-ms"].Number));
        Assert.NotEqual(AuditEvent.Local, said.Actor);
        foreach (LogRequest lie in new[]
        {
            resume with { Kind = (ushort)AuditKind.UnlockOk },
            resume with { Kind = 60_000 },
            resume with { Numbers = [new LogNumber("lease", 1)] },
            resume with { Numbers = [new LogNumber("Name", 1)] },
            resume with { Numbers = [new LogNumber("a", -1)] },
        })
            Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => host.Link.Call(lie, WireHost.Patience)).ExitCode);

        byte[] json = Encoding.UTF8.GetBytes("""{"zeroed_bytes":1}"""), signature = new byte[SigningKey.SignatureBytes];
        Assert.Throws<VmPodException>(() => host.Link.Call(new ReceiptRequest { Json = json, Signature = signature }, WireHost.Patience));
        using (SigningKey signer = SigningKey.FromSeed(host.Seed))
            signer.Sign(json, signature);
        host.Close();
        host.Link.Call(new ReceiptRequest { Json = json, Signature = signature }, WireHost.Patience);
        AuditEntry receipt = pod.Log[^1];
        Assert.Equal(("wipe-receipt", Convert.ToHexStringLower(SHA256.HashData(json))), (receipt.Event, receipt.Detail["sha256"].Text));
        Assert.Equal(json, File.ReadAllBytes(Directory.GetFiles(Path.Combine(pod.Folder, "v1", "receipts"), "*.json").Single()));
    }

    [Fact]
    [Trait("Spec", "P-50")]
    public void An_unpaired_host_is_refused_and_counted_and_one_that_is_unpaired_while_linked_is_cut_off()
    {
        using var pod = new ServedPod();
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => new WireHost(pod.Server.Address, pod.Pair(isKnown: false))).ExitCode);
        Until(() => pod.Log.Any(e => e.Event == "link-refused" && e.Detail["count"].Number == 1));
        using WireHost host = pod.Connect();
        host.Open();
        Assert.True(pod.Server.With(p => VmPod.PodKeeper.Pairings.PodPairings.Remove(p, host.Pairing.Id)));
        Assert.Equal(1, pod.Server.CutOff(host.Pairing.Id));
        Until(() => host.Link.Ended.IsCompleted);
        Assert.Equal(0, pod.Server.State.Leases);
        Assert.Throws<VmPodException>(() => new WireHost(pod.Server.Address, host.Pairing));
    }

    [Fact]
    [Trait("Spec", "P-51")]
    public void Stopped_in_order_the_lease_stays_open_and_its_keys_are_counted()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect();
        host.Open();
        pod.Server.Stop();
        Until(() => host.Link.Ended.IsCompleted);
        Assert.Equal(["keys-released", "pod-stop"], pod.Log.TakeLast(2).Select(e => e.Event));
        pod.Server.Dispose();
        pod.Start(unlocked: true);
        Assert.True(pod.Server.With(p => p.Vault.FindSession(ServedPod.Session)).LeaseIsOpen);
        using var again = new WireHost(pod.Server.Address, host.Pairing);
        Assert.True(again.Link.Call(host.AttachTo, WireHost.Patience).IsOpen);
    }

    /// <summary>Waits for what comes about in another thread or process; only a hang takes two minutes.</summary>
    internal static void Until(Func<bool> condition, string what = "it did not come about")
    {
        var since = System.Diagnostics.Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(since.Elapsed < TimeSpan.FromMinutes(2), what);
            Thread.Sleep(25);
        }
    }
}
