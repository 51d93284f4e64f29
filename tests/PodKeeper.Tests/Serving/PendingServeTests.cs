using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.PodKeeper.Tests.Pods;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>What a foreign host wrote, or a locked pod took in, is looked into as soon as there are keys (rule 29).</summary>
public sealed class PendingServeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(HostRole.Foreign)]
    [InlineData(HostRole.Home)]
    [Trait("Spec", "P-62")]
    public void A_foreign_host_s_generation_is_looked_into_in_the_background_and_the_next_lease_waits_for_that(HostRole role)
    {
        using var pod = new ServedPod();
        byte[] wrote = RandomNumberGenerator.GetBytes(250_000);
        using (WireHost host = pod.Connect(role))
        {
            using SessionLease lease = host.Resume();
            Put(pod, lease, wrote);
            lease.Close();
        }
        using (WireHost next = pod.Connect())
            Assert.Equal(3UL, next.Open().Base!.Record.Generation);
        List<AuditEntry> log = pod.Log;
        Assert.Equal(role == HostRole.Foreign ? 1 : 0, log.Count(e => e.Event == "pending-checked"));
        if (role == HostRole.Foreign)
        {
            AuditEntry done = log.Single(e => e.Event == "pending-checked");
            Assert.Equal((AuditOutcome.Ok, 3L), (done.Outcome, done.Detail["generation"].Number));
            AuditEntry before = log.Last(e => e.Event == "keys-granted" && e.Seq < done.Seq);
            Assert.Equal("check", before.Detail["purpose"].Text);
        }
    }

    [Fact]
    [Trait("Spec", "P-62")]
    [Trait("Threat", "T-31")]
    public void A_planted_cell_that_a_locked_pod_took_in_is_found_when_it_is_unlocked_and_the_older_generation_stays_usable()
    {
        using var pod = new ServedPod();
        // T of its cells is another than what they hold gives; ids, tags, lists and signature are right.
        using WireHost host = Away(pod, RandomNumberGenerator.GetBytes(250_000), spoil: true);
        pod.Server.Dispose();
        pod.Start(unlocked: false);
        using (var again = new WireHost(pod.Server.Address, host.Pairing))
        {
            host.HandIn(again.Link, out AttachedReply attached);
            Assert.True(attached.IsOpen);
        }
        // The attack works on who has no keys: it is the session's newest generation.
        Assert.Equal("unchecked", pod.Log.Last(e => e.Event == "commit").Detail["cells"].Text);
        GenerationInfo newest = pod.Server.Look(p => p.Vault.ListGenerations(host.Lease!.Session)[^1]);
        Assert.Equal((3UL, CommitTrust.Pending), (newest.Record.Generation, newest.Trust));

        pod.Unlock();
        ServeTests.Until(() => pod.Log.Any(e => e.Event == "pending-refused"));
        AuditEntry refused = pod.Log.Single(e => e.Event == "pending-refused");
        Assert.Equal((AuditOutcome.Refused, 3L, host.Lease!.LeaseId.ToString("x16")),
            (refused.Outcome, refused.Detail["generation"].Number, refused.Detail["lease"].Text));
        ServeTests.Until(() => pod.Server.Look(p => p.Vault.ListGenerations(host.Lease.Session)[^1].Trust) == CommitTrust.Refused);
        using WireHost next = pod.Connect();
        VmPodException damaged = Assert.Throws<VmPodException>(() => next.Open());
        Assert.Equal(ExitCode.Damaged, damaged.ExitCode);
        Assert.Contains($"{ServedPod.Session}@2", damaged.Hint, StringComparison.Ordinal);
        Assert.Equal(2UL, next.Open(generation: 2).Base!.Record.Generation);
    }

    [Fact]
    [Trait("Spec", "P-62")]
    public void Locked_again_at_once_no_key_of_the_look_is_left_and_it_begins_anew_after_the_next_unlock()
    {
        using var pod = new ServedPod();
        using WireHost host = Away(pod, RandomNumberGenerator.GetBytes(250_000), spoil: false);
        pod.Server.Dispose();
        pod.Start(unlocked: false);
        using (var again = new WireHost(pod.Server.Address, host.Pairing))
            host.HandIn(again.Link, out _);
        for (int i = 0; i < 5 && !pod.Log.Any(e => e.Event == "pending-checked"); i++)
        {
            pod.Unlock();
            Thread.Sleep(i * 3);
            pod.Server.Lock(all: false);
        }
        pod.Unlock();
        ServeTests.Until(() => pod.Log.Any(e => e.Event == "pending-checked"));
        Assert.DoesNotContain(pod.Log, e => e.Event == "pending-refused");
        ServeTests.Until(() => pod.Server.Look(p => p.Vault.ListGenerations(host.Lease!.Session)[^1].Trust) == CommitTrust.Sound);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Spec", "P-63")]
    [Trait("Spec", "P-64")]
    public void Commands_show_what_is_pending_look_into_it_at_first_use_or_take_the_owner_s_word(bool isAccepted)
    {
        using var pod = new ServedPod();
        using WireHost host = Away(pod, RandomNumberGenerator.GetBytes(250_000), spoil: false);
        pod.Server.Dispose();
        pod.Start(unlocked: false);
        using (var again = new WireHost(pod.Server.Address, host.Pairing))
            host.HandIn(again.Link, out _);
        pod.Server.Dispose();
        string pin = pod.Temp["pin"];
        File.WriteAllText(pin, TestPod.Right);
        File.SetUnixFileMode(pin, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(("sound", "pending", "pending"), States(pod, pin));
        string locked = PodKeeperProgram.Run("sessions", pod.Folder).Expect(0).Output;
        Assert.Contains("(newest commit pending)", locked, StringComparison.Ordinal);
        if (isAccepted)
        {
            PodKeeperProgram.Run("accept", pod.Folder, $"{ServedPod.Session}@2x", "--pin-file", pin).Expect(2);
            PodKeeperProgram.Run("accept", pod.Folder, $"{ServedPod.Session}@9", "--pin-file", pin).Expect(3);
            Assert.Contains("Nothing", PodKeeperProgram.Run("accept", pod.Folder, $"{ServedPod.Session}@2", "--pin-file", pin).Expect(0).Output,
                StringComparison.Ordinal);
            JsonElement accepted = PodKeeperProgram.Run("accept", pod.Folder, ServedPod.Session, "--pin-file", pin, "--json").Expect(0).Json;
            Assert.Equal("@3", accepted.GetProperty("accepted").EnumerateArray().Single().GetString());
            Assert.Equal(("sound", "accepted", "accepted"), States(pod, pin));
        }
        PodKeeperProgram.Run("put", pod.Folder, ServedPod.Session, pod.Temp["files"], "--pin-file", pin).Expect(0);
        Assert.Equal(("sound", isAccepted ? "accepted" : "sound", "sound"), States(pod, pin));
        Assert.Equal(isAccepted ? ["pending-accepted"] : ["pending-checked"],
            pod.Log.Where(e => e.Event.StartsWith("pending", StringComparison.Ordinal)).Select(e => e.Event));
    }

    // Of generations 2 and 3, and of the newest commit.
    private static (string?, string?, string?) States(ServedPod pod, string pin)
    {
        JsonElement session = PodKeeperProgram.Run("sessions", pod.Folder, "--pin-file", pin, "--json").Expect(0).Json.GetProperty("sessions")[0];
        JsonElement generations = session.GetProperty("generations");
        return (generations[1].GetProperty("state").GetString(), generations[2].GetProperty("state").GetString(), session.GetProperty("tip").GetString());
    }

    // A home host whose pod is gone, with its work in its hands; perhaps one that makes T with another key than the pod's.
    private static WireHost Away(ServedPod pod, byte[] left, bool spoil)
    {
        WireHost host = pod.Connect(HostRole.Home);
        SessionLease lease = host.Resume();
        if (spoil)
        {
            var keys = (LeaseKeys)typeof(SessionLease).GetField("keys", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(lease)!;
            MethodInfo mac = typeof(LeaseKeys).GetProperty("Mac", BindingFlags.NonPublic | BindingFlags.Instance)!.GetMethod!;
            ReadOnlySpan<byte> key = mac.CreateDelegate<MacOf>()(keys);
            MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(key), key.Length)[0] ^= 1;
        }
        host.IsAway = true;
        Put(pod, lease, left);
        host.Cut();
        return host;
    }

    private delegate ReadOnlySpan<byte> MacOf(LeaseKeys keys);

    private static void Put(ServedPod pod, SessionLease lease, byte[] bytes)
    {
        File.WriteAllBytes(pod.Temp["files", "a"], bytes);
        SnapshotWriter.Put(lease, [pod.Temp["files"]], "remote", null, Cancel);
    }
}
