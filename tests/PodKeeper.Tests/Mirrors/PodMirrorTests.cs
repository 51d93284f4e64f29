using System.Security.Cryptography;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Mirrors;
using VmPod.PodKeeper.Pairings;
using VmPod.PodKeeper.Serving;
using VmPod.PodKeeper.Tests.Pods;
using VmPod.PodKeeper.Tests.Serving;
using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Mirror;
using VmPod.Sync.Wire;
using Xunit;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>What a pairing of role mirror may do at a served pod, and what nobody else may: real links, the pod locked.</summary>
public sealed class PodMirrorTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly TestPod other = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => other.Dispose();

    [Fact]
    [Trait("Spec", "S-22")]
    [Trait("Spec", "S-172")]
    [Trait("Spec", "S-173")]
    [Trait("Spec", "P-124")]
    [Trait("Threat", "T-48")]
    public void A_pairing_of_one_role_has_no_right_of_another_one()
    {
        using var keeper = new ServedPod(unlocked: false);
        Pairing mirror = keeper.Pair(HostRole.Mirror), home = keeper.Pair(HostRole.Home), foreign = keeper.Pair();
        // Each at what it is for.
        Assert.Equal(MirrorVerdict.New, Mirrored(keeper, mirror).Verdict);
        using (var host = new WireHost(keeper.Server.Address, home))
            Assert.Single(host.Link.Call(ListRequest.Instance, WireHost.Patience).Lines);
        SortedDictionary<string, string> before = MirrorBench.Look(keeper.Folder, "v1/audit/"), copy = MirrorBench.Look(keeper.Server.Copies.PathOf(mirror.Id));

        // And at what it is not for: the link ends, and nothing was said or done.
        VmPodException refused = Assert.ThrowsAny<VmPodException>(() => new WireHost(keeper.Server.Address, mirror));
        Assert.True(refused.ExitCode is ExitCode.LinkLost or ExitCode.Damaged, refused.Message);
        foreach (Pairing host in (Pairing[])[home, foreign])
        {
            refused = Assert.ThrowsAny<VmPodException>(() => Mirrored(keeper, host));
            Assert.True(refused.ExitCode is ExitCode.LinkLost or ExitCode.Damaged, refused.Message);
            refused = Assert.ThrowsAny<VmPodException>(() => Read(keeper, host));
            Assert.True(refused.ExitCode is ExitCode.LinkLost or ExitCode.Damaged, refused.Message);
        }
        // Who says that he has another role with the same key has another key.
        foreach ((Pairing pairing, HostRole role) in ((Pairing, HostRole)[])[(mirror, HostRole.Home), (home, HostRole.Mirror)])
        {
            using Pairing changed = As(pairing, role);
            Assert.Equal(ExitCode.Refused, Assert.ThrowsAny<VmPodException>(() => SecureChannel.Connect(keeper.Server.Address, changed)).ExitCode);
        }
        Assert.Equal(copy, MirrorBench.Look(keeper.Server.Copies.PathOf(mirror.Id)));
        Assert.Single(Directory.GetDirectories(keeper.Server.Copies.Root));
        Assert.Equal(before, MirrorBench.Look(keeper.Folder, "v1/audit/"));
    }

    [Fact]
    [Trait("Spec", "P-123")]
    [Trait("Spec", "P-125")]
    [Trait("Threat", "T-48")]
    public void A_pairing_reaches_its_own_copy_and_neither_another_one_nor_the_vault_around_it()
    {
        using var keeper = new ServedPod(unlocked: false);
        Pairing mirror = keeper.Pair(HostRole.Mirror), second = keeper.Pair(HostRole.Mirror);
        Mirrored(keeper, mirror);
        Assert.Equal(other.VaultId, Assert.NotNull(Read(keeper, mirror)));
        // The second one sees neither that copy nor the pod's own vault, and what it brings goes elsewhere.
        Assert.Equal(ExitCode.NotFound, Assert.ThrowsAny<VmPodException>(() => Read(keeper, second)).ExitCode);
        using var third = new TestPod();
        Mirrored(keeper, second, third);
        Assert.Equal((other.VaultId, third.VaultId), (Read(keeper, mirror), Read(keeper, second)));
        // A copy is of one vault for good, and of no vault of the pod that keeps it; where it is nobody is told.
        VmPodException refused = Assert.ThrowsAny<VmPodException>(() => Mirrored(keeper, second));
        Assert.Equal(ExitCode.Refused, refused.ExitCode);
        Assert.DoesNotContain(keeper.Temp.FullPath, refused.Message, StringComparison.Ordinal);
        Pairing itself = keeper.Pair(HostRole.Mirror);
        refused = Assert.ThrowsAny<VmPodException>(() => keeper.Server.Look(pod => Run(keeper, itself, new CopyReader(pod.Vault, null, Cancel))));
        Assert.Contains("its own mirror", refused.Message, StringComparison.Ordinal);
        Assert.Equal(2, Directory.GetDirectories(keeper.Server.Copies.Root).Length);
    }

    [Fact]
    [Trait("Spec", "S-173")]
    [Trait("Spec", "P-128")]
    public void A_pod_is_not_led_into_a_channel_with_itself_by_the_pairing_with_its_keeper()
    {
        using var pod = new ServedPod(unlocked: false);
        Pairing pairing = pod.Pair(HostRole.Mirror, isKnown: false);
        MirrorPlace place = MirrorPlace.Parse($"pod://{pod.Server.Address}");
        Keepers.Save(Keepers.Of(pod.Folder), pairing, place);
        // It is the one that this pod goes to that place with; were it among those that it answers, it would answer itself.
        Assert.Equal(ExitCode.Refused, Assert.ThrowsAny<VmPodException>(() => PodLink.Connect(place, Keepers.Of(pod.Folder), Cancel)).ExitCode);
        PairingFolder.Save(PodServer.PairingsOf(pod.Folder), pairing);
        using MirrorClient itself = PodLink.Connect(place, Keepers.Of(pod.Folder), Cancel);
        Assert.Equal(ExitCode.NotFound, Assert.ThrowsAny<VmPodException>(() => itself.Begin()).ExitCode);
    }

    [Fact]
    [Trait("Spec", "P-115")]
    [Trait("Spec", "P-126")]
    [Trait("Spec", "P-127")]
    public void An_older_state_is_an_alarm_in_the_keepers_log_and_a_link_brings_one_head()
    {
        using var keeper = new ServedPod(unlocked: false);
        Pairing mirror = keeper.Pair(HostRole.Mirror);
        string older = other.Temp["older"];
        MirrorBench.Copy(other.Folder, older);
        using (Pod pod = other.OpenUnlocked())
            pod.Put("work", [other.Files], "put", null, Cancel);
        using (CopyReader from = CopyReader.Open(other.Folder, TimeProvider.System, Cancel))
        using (MirrorClient to = Connect(keeper, mirror))
        {
            _ = MirrorRun.Run(from, to, MirrorWishes.None, null, Cancel);
            Assert.Equal(ExitCode.Refused, Assert.ThrowsAny<VmPodException>(() => to.TakeHead(from.Begin().LogBytes)).ExitCode);
        }
        using (CopyReader from = CopyReader.Open(older, TimeProvider.System, Cancel))
            Assert.Equal(MirrorVerdict.Older, Run(keeper, mirror, from).Verdict);
        AuditEntry[] said = [.. keeper.Log.Where(e => e.Event == "mirror-kept")];
        Assert.Equal([AuditOutcome.Ok, AuditOutcome.Failed], said.Select(e => e.Outcome));
        Assert.Equal("older", said[1].Detail["alarm"].Text);
        Assert.NotEqual(0, VmPod.Vault.Cells.MirrorNotes.TryRead(keeper.Server.Copies.PathOf(mirror.Id))!.AlarmMs);
    }

    [Fact]
    [Trait("Spec", "P-50")]
    [Trait("Spec", "P-126")]
    public void Unpairing_ends_the_right_and_a_newer_link_ends_the_older_one_of_its_pairing()
    {
        using var keeper = new ServedPod(unlocked: false);
        Pairing mirror = keeper.Pair(HostRole.Mirror), second = keeper.Pair(HostRole.Mirror), third = keeper.Pair(HostRole.Mirror);
        using CopyReader from = CopyReader.Open(other.Folder, TimeProvider.System, Cancel);
        ReadOnlyMemory<byte> descriptor = from.Begin().Descriptor;
        using MirrorClient first = Connect(keeper, mirror);
        first.Begin(descriptor, MirrorWishes.None);
        // The first one has the copy for itself; who comes for the same again ends it and has it then.
        using MirrorClient again = Connect(keeper, mirror);
        again.Begin(descriptor, MirrorWishes.None);
        Assert.Equal(ExitCode.LinkLost, Assert.ThrowsAny<VmPodException>(first.Flush).ExitCode);
        again.Flush();
        // Two at once; a third one is sent away, and hosts have links of their own.
        using MirrorClient beside = Connect(keeper, second);
        beside.Begin(descriptor, MirrorWishes.None);
        Assert.Equal(ExitCode.LinkLost, Assert.ThrowsAny<VmPodException>(() => Read(keeper, third)).ExitCode);
        using (WireHost host = keeper.Connect(HostRole.Home))
            Assert.Single(host.Link.Call(ListRequest.Instance, WireHost.Patience).Lines);

        Assert.True(keeper.Server.With(pod => PodPairings.Remove(pod, mirror.Id)));
        Assert.Equal(1, keeper.Server.CutOff(mirror.Id));
        Assert.Equal(ExitCode.LinkLost, Assert.ThrowsAny<VmPodException>(again.Flush).ExitCode);
        Assert.Equal(ExitCode.Refused, Assert.ThrowsAny<VmPodException>(() => Connect(keeper, mirror)).ExitCode);
        beside.Flush();
    }

    [Fact]
    [Trait("Spec", "P-125")]
    [Trait("Spec", "S-174")]
    [Trait("Spec", "V-167")]
    public void What_is_kept_for_a_suspend_is_not_filled_by_a_mirror_and_its_pod_is_told_while_it_sends()
    {
        File.WriteAllBytes(Path.Combine(other.Files, "disk"), RandomNumberGenerator.GetBytes(8 << 20));
        using (Pod pod = other.OpenUnlocked())
            pod.Put("work", [other.Files], "put", null, Cancel);
        using var keeper = new ServedPod(unlocked: false, diskMiB: 64);
        Pairing mirror = keeper.Pair(HostRole.Mirror);
        string filler = keeper.Temp["filler"];
        using (FileStream file = File.Create(filler))
        {
            byte[] piece = new byte[1 << 20];
            while (new DriveInfo(keeper.Temp.FullPath).AvailableFreeSpace > 5 << 20)
                file.Write(piece);
        }
        ServeTests.Until(() => keeper.Server.Space.Room == PodRoom.KeptOnly);
        VmPodException full = Assert.ThrowsAny<VmPodException>(() => Mirrored(keeper, mirror));
        Assert.True(full.ExitCode == ExitCode.NoSpace, full.Message);
        Assert.InRange(new DriveInfo(keeper.Temp.FullPath).AvailableFreeSpace, 3 << 20, 6 << 20);
        File.Delete(filler);
        ServeTests.Until(() => keeper.Server.Space.Room == PodRoom.Enough);
        Assert.Equal(MirrorVerdict.New, Mirrored(keeper, mirror).Verdict);
    }

    private MirrorResult Mirrored(ServedPod keeper, Pairing pairing, TestPod? pod = null)
    {
        using CopyReader from = CopyReader.Open((pod ?? other).Folder, TimeProvider.System, Cancel);
        return Run(keeper, pairing, from);
    }

    private static MirrorResult Run(ServedPod keeper, Pairing pairing, IMirrorReader from)
    {
        using MirrorClient to = Connect(keeper, pairing);
        return MirrorRun.Run(from, to, MirrorWishes.None, null, Cancel);
    }

    // The vault of the copy that the pairing may read.
    private static UInt128? Read(ServedPod keeper, Pairing pairing)
    {
        using MirrorClient copy = Connect(keeper, pairing);
        return VmPod.Vault.Format.Store.VaultDescriptor.Parse(copy.Begin().Descriptor.Span).VaultId;
    }

    private static MirrorClient Connect(ServedPod keeper, Pairing pairing)
    {
        SecureChannel channel = SecureChannel.Connect(keeper.Server.Address, pairing);
        channel.SetPatience(Patience, Patience);
        return new MirrorClient(channel.Stream, channel.Stream, channel) { HasWord = () => channel.HasMore };
    }

    private static Pairing As(Pairing pairing, HostRole role)
    {
        using SecretBuffer bytes = pairing.ToBytes();
        byte[] changed = bytes.ReadOnlyBytes.ToArray();
        changed[52] = (byte)role;
        Assert.True(Pairing.TryRead(changed, out Pairing? other));
        return other!;
    }
}
