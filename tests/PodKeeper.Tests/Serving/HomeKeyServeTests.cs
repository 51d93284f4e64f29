using System.Globalization;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Pairings;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Homes;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>Home hosts and a pod that was started again and is locked (rule 24).</summary>
public sealed class HomeKeyServeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Spec", "P-82")]
    [Trait("Spec", "V-121")]
    [Trait("Threat", "T-32")]
    public void A_home_host_reads_on_from_a_pod_that_was_restarted_locked_and_without_its_keys_there_it_does_not()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect(HostRole.Home);
        using SessionLease lease = host.Resume();
        using SecretBuffer homeKey = host.GetHomeKey();
        pod.Server.Dispose();
        pod.Start(unlocked: false);
        Assert.True(host.Relink(pod.Server.Address).IsOpen);
        // Without what the pod stored: the read that a running machine would wait for is refused.
        string stored = Homes(pod, host), away = pod.Temp["away"];
        Directory.Move(stored, away);
        Refused(() => host.GetLeaseKeys());
        Refused(() => SnapshotReader.Get(lease.Reader!, pod.Temp["no"], null, Cancel));
        Directory.Move(away, stored);

        IReadOnlyList<WrappedLeaseKey> wrapped = host.GetLeaseKeys();
        Assert.Equal(3, wrapped.Count);
        using HomeLeaseKeys keys = Open(host, homeKey, wrapped);
        host.HomeKeys = keys;
        SnapshotReader.Get(lease.Reader!, pod.Temp["read"], null, Cancel);
        Assert.Equal(File.ReadAllBytes(pod.Temp["files", "a"]),
            File.ReadAllBytes(Directory.GetFiles(pod.Temp["read"], "a", SearchOption.AllDirectories).Single()));
        // The pod itself is as locked as it was.
        Assert.False(pod.Server.State.IsUnlocked);
        Refused(() => host.GetHomeKey().Dispose());
        Assert.Equal(CellStatus.Refused, host.Get(CellWant.Both, pod.Cells().Now[0])[0].Status);
    }

    [Fact]
    [Trait("Spec", "P-82")]
    [Trait("Threat", "T-32")]
    public void A_foreign_host_gets_no_key_of_leases_locked_or_not_and_none_is_stored_for_it()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect(HostRole.Foreign);
        host.Open();
        Refused(() => host.GetHomeKey().Dispose());
        Refused(() => host.GetLeaseKeys());
        Assert.False(Directory.Exists(Homes(pod, host)));
        // Also if it finds a file under its name.
        using WireHost home = pod.Connect(HostRole.Home);
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => home.Open()).ExitCode);
        home.Open(session: "another", create: true);
        CopyHomes(Homes(pod, home), Homes(pod, host));
        File.Move(Directory.GetFiles(Homes(pod, host), "*.keys").Single(), Path.Combine(Homes(pod, host), host.Lease!.Session + ".keys"));
        Refused(() => host.GetLeaseKeys());
        Assert.DoesNotContain(pod.Log, e => e.Event == "home-keys-served");
    }

    [Fact]
    [Trait("Spec", "P-82")]
    public void A_home_host_gets_them_only_of_the_session_that_it_has_an_open_lease_of()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect(HostRole.Home);
        using var second = new WireHost(pod.Server.Address, host.Pairing);
        host.Open();
        second.Open(session: "another", create: true);
        Assert.NotEmpty(host.GetLeaseKeys());
        Refused(() => host.Link.Call(new LeaseKeysRequest { Session = second.Lease!.Session }, WireHost.Patience));
        using var without = new WireHost(pod.Server.Address, host.Pairing);
        Refused(() => without.Link.Call(new LeaseKeysRequest { Session = host.Lease!.Session }, WireHost.Patience));
        host.Close();
        Refused(() => host.GetLeaseKeys());
        // lock --all: the host is to leave, and gets nothing when it comes again.
        pod.Server.Lock(all: true);
        Refused(() => { second.Relink(pod.Server.Address); second.GetLeaseKeys(); });
    }

    [Fact]
    [Trait("Spec", "V-121")]
    [Trait("Threat", "T-32")]
    public void Keys_of_another_pairing_session_or_lease_do_not_open()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect(HostRole.Home), other = pod.Connect(HostRole.Home);
        host.Open();
        other.Open(session: "another", create: true);
        using SecretBuffer key = host.GetHomeKey(), otherKey = other.GetHomeKey();
        Assert.False(key.ReadOnlyBytes.SequenceEqual(otherKey.ReadOnlyBytes));
        IReadOnlyList<WrappedLeaseKey> wrapped = host.GetLeaseKeys();
        UInt128 vault = host.Link.Pod!.VaultId;
        SessionHandle session = host.Lease!.Session;
        int Opened(SecretBuffer with, UInt128 pairing, SessionHandle of, IReadOnlyList<WrappedLeaseKey> keys)
        {
            using HomeLeaseKeys opened = HomeLeaseKeys.Open(with, vault, pairing, of, keys);
            return opened.Count;
        }
        Assert.Equal(3, Opened(key, host.Pairing.Id, session, wrapped));
        Assert.Equal(0, Opened(otherKey, other.Pairing.Id, session, wrapped));
        Assert.Equal(0, Opened(otherKey, host.Pairing.Id, session, wrapped));
        Assert.Equal(0, Opened(key, other.Pairing.Id, session, wrapped));
        Assert.Equal(0, Opened(key, host.Pairing.Id, other.Lease!.Session, wrapped));
        Assert.Equal(0, Opened(key, host.Pairing.Id, session, [.. wrapped.Select((k, i) => k with { Wrapped = wrapped[(i + 1) % 3].Wrapped })]));
        // Moved on the pod: it serves what it finds under the name, and that opens nothing.
        File.Copy(KeysFile(pod, host, session), KeysFile(pod, other, other.Lease.Session), overwrite: true);
        Assert.Equal(0, Opened(otherKey, other.Pairing.Id, other.Lease.Session, other.GetLeaseKeys()));
        // Another host's key in the place of its own: that host does not get it, and a new one is made.
        File.Copy(Path.Combine(Homes(pod, host), "key"), Path.Combine(Homes(pod, other), "key"), overwrite: true);
        Refused(() => other.GetHomeKey().Dispose());
    }

    [Fact]
    [Trait("Spec", "P-83")]
    public void After_unpair_nothing_is_kept_or_served_for_the_host()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect(HostRole.Home), other = pod.Connect(HostRole.Home);
        host.Open();
        other.Open(session: "another", create: true);
        Assert.True(Directory.Exists(Homes(pod, host)));
        Assert.True(pod.Server.With(p => PodPairings.Remove(p, host.Pairing.Id)));
        Refused(() => host.GetHomeKey().Dispose());
        Refused(() => host.GetLeaseKeys());
        // Its link is still there, and a further lease of it must not bring the keys back.
        host.Close();
        host.Open();
        Assert.False(Directory.Exists(Homes(pod, host)));
        Assert.NotEmpty(other.GetLeaseKeys());
    }

    [Fact]
    [Trait("Spec", "P-80")]
    [Trait("Spec", "P-81")]
    [Trait("Spec", "V-120")]
    public void Each_step_is_in_the_log_before_a_key_leaves_and_none_leaves_if_it_cannot_be_written()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect(HostRole.Home);
        List<AuditEntry> atKey = [];
        host.OnKey = () => atKey = pod.Log;
        host.Open();
        AuditEntry stored = Assert.Single(atKey, e => e.Event == "home-keys-stored");
        Assert.Equal((AuditOutcome.Intent, 3L, "new"), (stored.Outcome, stored.Detail["lease-keys"].Number, stored.Detail["home-key"].Text));
        Assert.DoesNotContain(atKey, e => e.Event is "home-key-given" or "home-keys-served");
        using (SecretBuffer key = host.GetHomeKey())
        {
            // What lies on the pod is not it.
            Assert.All(Directory.GetFiles(Homes(pod, host)), f => Assert.Equal(-1, File.ReadAllBytes(f).AsSpan().IndexOf(key.ReadOnlyBytes)));
            Assert.All(Directory.GetFiles(Homes(pod, host)), f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(f)));
            using SecretBuffer again = host.GetHomeKey();
            Assert.True(key.ReadOnlyBytes.SequenceEqual(again.ReadOnlyBytes));
        }
        Assert.Equal(2, pod.Log.Count(e => e.Event == "home-key-given"));
        Assert.Equal(3, host.GetLeaseKeys().Count);
        Assert.Equal(3, Assert.Single(pod.Log, e => e.Event == "home-keys-served").Detail["lease-keys"].Number);
        host.Close();
        host.Open();
        Assert.Equal(("known", 4L), (pod.Log.Last(e => e.Event == "home-keys-stored").Detail["home-key"].Text, host.GetLeaseKeys().Count));

        Directory.CreateDirectory(Path.Combine(pod.Folder, "v1", "audit", "checkpoint.new", "x"));
        bool gotKey = false;
        Assert.Throws<VmPodException>(() => host.Link.GetHomeKey(_ => gotKey = true, WireHost.Patience));
        Assert.Throws<VmPodException>(() => host.GetLeaseKeys());
        Assert.False(gotKey);
    }

    [Fact]
    [Trait("Spec", "P-80")]
    public void What_a_home_host_lacks_is_stored_at_the_next_unlock()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect(HostRole.Home);
        host.Open();
        Directory.Delete(Homes(pod, host), recursive: true);
        pod.Server.Dispose();
        pod.Start(unlocked: false);
        host.Relink(pod.Server.Address);
        Refused(() => host.GetLeaseKeys());
        pod.Unlock();
        Assert.Equal(3, host.GetLeaseKeys().Count);
        using SecretBuffer key = host.GetHomeKey();
        using HomeLeaseKeys keys = Open(host, key, host.GetLeaseKeys());
        Assert.Equal(3, keys.Count);
    }

    [Fact]
    [Trait("Spec", "P-82")]
    public void A_link_asks_for_keys_of_leases_a_few_times_only()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect(HostRole.Home);
        host.Open();
        for (int i = 0; i < PodLimits.HomeRequestsMax; i++)
            Assert.NotEmpty(host.GetLeaseKeys());
        Refused(() => host.GetLeaseKeys());
        Assert.Equal(PodLimits.HomeRequestsMax, pod.Log.Count(e => e.Event == "home-keys-served"));
    }

    private static HomeLeaseKeys Open(WireHost host, SecretBuffer homeKey, IReadOnlyList<WrappedLeaseKey> wrapped)
    {
        HomeLeaseKeys keys = HomeLeaseKeys.Open(homeKey, host.Link.Pod!.VaultId, host.Pairing.Id, host.Lease!.Session, wrapped);
        Assert.Equal(wrapped.Count, keys.Count);
        return keys;
    }

    private static string Homes(ServedPod pod, WireHost host) =>
        Path.Combine(pod.Folder, "v1", "homes", host.Pairing.Id.ToString("x32", CultureInfo.InvariantCulture));

    private static string KeysFile(ServedPod pod, WireHost host, SessionHandle session) => Path.Combine(Homes(pod, host), session + ".keys");

    private static void CopyHomes(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    private static void Refused(Action act) => Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(act).ExitCode);
}
