using System.Security.Cryptography;
using System.Text.Json;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.PodKeeper.Tests.Pods;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>A host comes back to a served pod with work that the session went on without.</summary>
public sealed class ForkServeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Spec", "P-60")]
    [Trait("Spec", "P-61")]
    public void A_rest_becomes_a_fork_that_is_logged_listed_read_and_gone_on_from(bool isUnlocked)
    {
        using var pod = new ServedPod();
        byte[] left = RandomNumberGenerator.GetBytes(150_000);
        using WireHost host = Away(pod, left);
        Assert.True(pod.Server.Release(ServedPod.Session, otherHost: true));
        GoOn(pod);
        pod.Server.Dispose();
        pod.Start(isUnlocked);

        string name = ForkName.Of(host.Lease!.LeaseId);
        using (var again = new WireHost(pod.Server.Address, host.Pairing))
        {
            CommittedReply taken = host.HandIn(again.Link, out AttachedReply attached);
            Assert.Equal((false, 0U, 0UL), (attached.IsOpen, attached.ExpiresInMs, attached.LastNumber));
            Assert.Equal(DomainHash.OfEntry(LogEntryTypes.PendingFork, host.RestCommit!.ToBytes()), taken.EntryHash);
        }
        AuditEntry entry = pod.Log.Single(e => e.Event == "fork");
        Assert.Equal((name, isUnlocked ? "checked" : "unchecked"), (entry.Detail["fork"].Text, entry.Detail["cells"].Text));
        Assert.NotEqual(AuditEvent.Local, entry.Actor);
        Assert.Equal(host.Lease.Session.ToString(), entry.Session);

        // The answer was lost: once more, over a link of its own.
        using (var again = new WireHost(pod.Server.Address, host.Pairing))
        {
            Assert.Equal(host.RestCommit!.Record.Number, again.Link.Call(host.AttachTo, WireHost.Patience).LastNumber);
            again.Link.Commit(new CommitRequest { Close = true, Record = host.RestCommit.Record, Signature = host.RestCommit.Signature },
                host.RestCommit.Added, host.RestCommit.Dropped, WireHost.Patience);
        }
        Assert.Single(pod.Log, e => e.Event == "fork");

        if (!isUnlocked)
            pod.Unlock();
        using (WireHost other = pod.Connect())
        {
            Assert.Equal(ExitCode.NotFound, Assert.Throws<VmPodException>(() => other.Open(fork: 5)).ExitCode);
            using SessionLease lease = other.Resume(fork: host.Lease.LeaseId);
            SnapshotReader.Get(lease.Reader!, pod.Temp["there"], null, Cancel);
            Assert.Equal(left, Read(pod.Temp["there"]));
            SnapshotWriter.Put(lease, [pod.Temp["files"]], "onward", null, Cancel);
            lease.Close();
        }
        pod.Server.Dispose();
        CheckCommands(pod, name, left);
    }

    [Fact]
    [Trait("Spec", "P-60")]
    public void A_lease_that_is_not_open_gets_no_key_no_time_and_no_word_in_the_log_and_only_its_own_host_gets_that_far()
    {
        using var pod = new ServedPod();
        (CellId[] now, _) = pod.Cells();
        using WireHost host = Away(pod, RandomNumberGenerator.GetBytes(50_000));
        Assert.True(pod.Server.Release(ServedPod.Session, otherHost: true));
        long entries = pod.Log.Count;
        using (var thief = new WireHost(pod.Server.Address, pod.Pair()))
            Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => thief.Link.Call(host.AttachTo, WireHost.Patience)).ExitCode);
        using (var rebooted = new WireHost(pod.Server.Address, host.Pairing, boot: 2))
            Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => rebooted.Link.Call(host.AttachTo, WireHost.Patience)).ExitCode);
        using var again = new WireHost(pod.Server.Address, host.Pairing);
        Assert.False(again.Link.Call(host.AttachTo, WireHost.Patience).IsOpen);
        foreach (CellWant want in new[] { CellWant.Key, CellWant.Cell, CellWant.Both })
            Assert.Equal((CellStatus.Refused, 0), (again.Get(want, now[0])[0].Status, again.Get(want, now[0])[0].Key.Length));
        var word = new LogRequest { Kind = (ushort)AuditKind.SessionLeave, Numbers = [] };
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => again.Link.Call(RenewRequest.Instance, WireHost.Patience)).ExitCode);
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => again.Link.Call(word, WireHost.Patience)).ExitCode);
        Assert.Equal(entries, pod.Log.Count);
        // Somebody else has the session, and keeps it.
        using WireHost other = pod.Connect();
        other.Open();
        host.RestCells.ForEach(cell => again.Link.PutCell(cell));
        again.Link.Flush(WireHost.Patience);
        again.Dispose();
        ServeTests.Until(() => pod.Server.State.Links == 1);
        Assert.Equal(CellStatus.Ok, other.Get(CellWant.Key, now[0])[0].Status);
        Assert.Equal(1, pod.Server.State.Leases);
    }

    private static void CheckCommands(ServedPod pod, string name, byte[] left)
    {
        string pin = pod.Temp["pin"];
        File.WriteAllText(pin, TestPod.Right);
        File.SetUnixFileMode(pin, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        JsonElement session = PodKeeperProgram.Run("sessions", pod.Folder, "--pin-file", pin, "--json").Expect(0).Json.GetProperty("sessions")[0];
        JsonElement fork = session.GetProperty("forks").EnumerateArray().Single();
        Assert.Equal((name, 2, "checkpoint"),
            (fork.GetProperty("name").GetString(), fork.GetProperty("parent").GetInt32(), fork.GetProperty("kind").GetString()));
        Assert.Equal(3, session.GetProperty("generations").EnumerateArray().Count(g => g.GetProperty("fork").GetString() is null));
        Assert.Equal(name, session.GetProperty("generations").EnumerateArray().Last().GetProperty("fork").GetString());
        string locked = PodKeeperProgram.Run("sessions", pod.Folder).Expect(0).Output;
        Assert.Contains($"@{name} ", locked, StringComparison.Ordinal);
        Assert.Contains("left behind after @2", locked, StringComparison.Ordinal);
        PodKeeperProgram.Result got = PodKeeperProgram.Run("get", pod.Folder, $"{ServedPod.Session}@{name}", pod.Temp["got"], "--pin-file", pin).Expect(0);
        Assert.Contains(name, got.Output, StringComparison.Ordinal);
        Assert.Equal(left, Read(pod.Temp["got"]));
        PodKeeperProgram.Run("get", pod.Folder, $"{ServedPod.Session}@fork-0000000000000005", pod.Temp["none"], "--pin-file", pin).Expect(3);
        PodKeeperProgram.Run("get", pod.Folder, $"{ServedPod.Session}@fork-5", pod.Temp["none"], "--pin-file", pin).Expect(2);
        Assert.Equal(5, PodKeeperProgram.Run("verify", pod.Folder, "--deep", "--pin-file", pin, "--json").Expect(0).Json.GetProperty("deep")
            .GetProperty("generations").GetInt32());
    }

    // A host whose pod is gone, with its work in its hands.
    private static WireHost Away(ServedPod pod, byte[] left)
    {
        WireHost host = pod.Connect(HostRole.Foreign);
        SessionLease lease = host.Resume();
        host.IsAway = true;
        File.WriteAllBytes(pod.Temp["files", "a"], left);
        SnapshotWriter.Put(lease, [pod.Temp["files"]], "rest", null, Cancel);
        Assert.NotNull(host.RestCommit);
        host.Cut();
        return host;
    }

    private static void GoOn(ServedPod pod)
    {
        using WireHost other = pod.Connect();
        using SessionLease lease = other.Resume();
        File.WriteAllBytes(pod.Temp["files", "a"], RandomNumberGenerator.GetBytes(100_000));
        SnapshotWriter.Put(lease, [pod.Temp["files"]], "other", null, Cancel);
        lease.Close();
    }

    private static byte[] Read(string folder) => File.ReadAllBytes(Directory.GetFiles(folder, "a", SearchOption.AllDirectories).Single());
}
