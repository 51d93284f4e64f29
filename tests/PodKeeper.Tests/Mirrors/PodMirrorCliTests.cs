using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Mirrors;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.PodKeeper.Tests.Serving;
using VmPod.Sync.Mirror;
using Xunit;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>Mirrors that one pod keeps of another, as two processes and their commands.</summary>
public sealed class PodMirrorCliTests
{
    [Fact]
    [Trait("Spec", "P-123")]
    [Trait("Spec", "P-124")]
    [Trait("Spec", "P-127")]
    [Trait("Spec", "P-128")]
    [Trait("Spec", "P-129")]
    public void A_locked_pod_is_mirrored_by_another_locked_one_and_comes_back_from_there_by_its_words()
    {
        using var two = new KeeperBench();
        MirrorBench bench = two.Bench;
        JsonElement kept, first;
        using (var own = new ServedProgram(bench.Pod, null, "--no-announce"))
        {
            Assert.Contains("--pair", MirrorBench.Run("mirror", bench.Pod, two.At).Expect(4).Output, StringComparison.Ordinal);
            (kept, first) = two.PairAndMirror();
        }
        string pairing = kept.GetProperty("id").GetString()!, copy = Assert.Single(two.Copies);
        Assert.Equal(("mirror", pairing, pairing), (kept.GetProperty("role").GetString(), Path.GetFileName(copy), kept.GetProperty("copy").GetString()));
        Assert.Equal((pairing, "new"), (first.GetProperty("pairing").GetString(), first.GetProperty("verdict").GetString()));
        foreach (string file in Directory.GetFiles(Path.Combine(bench.Pod, "v1", "keepers")))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));

        bench.Put(200_000);
        JsonElement second = MirrorBench.Run("mirror", bench.Pod, two.At).Expect(0).Json;
        Assert.Equal("newer", second.GetProperty("verdict").GetString());
        Assert.InRange(second.GetProperty("cells").GetInt64(), 4, 8);
        MirrorBench.Run("verify", copy).Expect(0);
        // Who has the pod does not say how long another one keeps what he forgets.
        MirrorBench.Run("mirror", bench.Pod, two.At, "--forget-delay", "0").Expect(2);

        JsonElement listed = MirrorBench.Run("pairings", bench.Pod).Expect(0).Json.GetProperty("keepers")[0];
        Assert.Equal((pairing, two.At), (listed.GetProperty("id").GetString(), listed.GetProperty("place").GetString()));
        AuditEntry[] there = [.. AuditTrail.OpenReader(two.Keeper).Read().Where(e => e.Event is "host-paired" or "mirror-kept")];
        Assert.Equal(["host-paired", "mirror-kept", "mirror-kept"], there.Select(e => e.Event));
        Assert.All(there[1..], e => Assert.Equal(kept.GetProperty("log_name").GetString(), e.Actor));
        Assert.Equal(["keeper-paired", "sync", "sync"],
            AuditTrail.OpenReader(bench.Pod).Read().Select(e => e.Event).Where(e => e is "keeper-paired" or "sync"));
        // The keeping pod is no mirror of anything.
        Assert.Equal(JsonValueKind.Null, MirrorBench.Run("status", two.Keeper).Expect(0).Json.GetProperty("mirrored_head").ValueKind);

        // Damage is repaired from there; a pod that is lost has lost its pairing, and is paired anew for the copy that is named.
        using (FileStream segment = File.OpenWrite(Path.Combine(bench.Pod, "v1", "segments", "000000.seg")))
        {
            segment.Position = 5000;
            segment.Write("damage"u8);
        }
        Assert.Equal(1, MirrorBench.Run("repair", bench.Pod, "--from", two.At).Expect(0).Json.GetProperty("fetched").GetInt64());
        Directory.Delete(bench.Pod, recursive: true);
        Process pair = two.Open("--role", "mirror", "--copy", pairing);
        bench.MustComeBack(two.At, "--pair", "--code-file", two.CodeFile);
        Assert.Equal(pairing, PodKeeperProgram.Finish(pair).Expect(0).Json.GetProperty("copy").GetString());
        Assert.Contains("mirror-read", AuditTrail.OpenReader(two.Keeper).Read().Select(e => e.Event));
        Assert.Equal("newer", MirrorBench.Run("mirror", bench.Temp["back"], two.At).Expect(0).Json.GetProperty("verdict").GetString());
        Assert.Single(two.Copies);

        // What was unpaired there is refused, and told what to do; where nobody serves, that.
        MirrorBench.Run("unpair", two.Keeper, MirrorBench.Run("pairings", bench.Temp["back"]).Expect(0).Json.GetProperty("keepers")[0].GetProperty("id")
            .GetString()!).Expect(0);
        Assert.Contains("--pair", MirrorBench.Run("mirror", bench.Temp["back"], two.At).Expect(4).Output, StringComparison.Ordinal);
        string at = two.At;
        two.Server.Kill();
        Assert.Contains("podkeeper serve", MirrorBench.Run("mirror", bench.Temp["back"], at).Expect(7).Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "S-170")]
    [Trait("Spec", "P-124")]
    public void After_kill_9_of_the_keeping_pod_in_the_middle_the_next_run_sends_the_rest_wherever_it_is_served()
    {
        const int cells = 64;
        using var two = new KeeperBench();
        two.PairAndMirror();
        two.Bench.Put(64 * 1024 * 2 * cells);
        long all = MirrorBench.Run("mirror", two.Bench.Pod, two.At, "--dry-run").Expect(0).Json.GetProperty("cells").GetInt64();
        string copy = Assert.Single(two.Copies);
        using (CopyReader pod = CopyReader.Open(two.Bench.Pod, TimeProvider.System, TestContext.Current.CancellationToken))
        using (MirrorClient link = PodLink.Connect(MirrorPlace.Parse(two.At), Keepers.Of(two.Bench.Pod), TestContext.Current.CancellationToken))
        {
            // So many have come for certain when it is killed.
            var from = new InterruptedReader(pod, cells, () =>
            {
                link.Flush();
                two.Server.Kill();
            });
            VmPodException lost = Assert.ThrowsAny<VmPodException>(() =>
                MirrorRun.Run(from, link, MirrorWishes.None, null, TestContext.Current.CancellationToken));
            Assert.True(lost.ExitCode == ExitCode.LinkLost, lost.Message);
        }
        MirrorBench.Run("verify", copy).Expect(0);
        // Another port: the one pairing that there is finds it.
        two.Serve();
        Assert.Equal(all - cells, MirrorBench.Run("mirror", two.Bench.Pod, two.At).Expect(0).Json.GetProperty("cells").GetInt64());
        MirrorBench.Run("verify", copy).Expect(0);
    }

    [Fact]
    [Trait("Spec", "P-128")]
    public void Two_pods_are_paired_by_digits_too_and_the_copy_has_the_name_and_the_place_that_it_was_given()
    {
        using var two = new KeeperBench(1000);
        two.Serve("--mirrors", two.Bench.Temp["elsewhere"]);
        int port = FreePort();
        Process pair = PodKeeperProgram.Start([], "pair", two.Keeper, "--role", "mirror", "--copy", "from-home", "--digits",
            "--listen", $"127.0.0.1:{port}", "--json");
        pair.StandardInput.WriteLine("y");
        PodKeeperProgram.Result mirrored;
        do
        {
            // Until it waits there.
            Process mirror = PodKeeperProgram.Start([], "mirror", two.Bench.Pod, two.At, "--pair", "--digits",
                "--pair-at", $"127.0.0.1:{port}", "--json");
            mirror.StandardInput.WriteLine("y");
            mirrored = PodKeeperProgram.Finish(mirror);
        }
        while (mirrored.ExitCode == 7 && !pair.HasExited);
        mirrored.Expect(0);
        string[] said = PodKeeperProgram.Finish(pair).Expect(0).Output.TrimEnd().Split('\n');
        Assert.Contains(JsonDocument.Parse(said[0]).RootElement.GetProperty("digits").GetString()!, mirrored.Errors, StringComparison.Ordinal);
        Assert.Equal("from-home", JsonDocument.Parse(said[1]).RootElement.GetProperty("copy").GetString());
        MirrorBench.Run("verify", two.Bench.Temp["elsewhere", "from-home"]).Expect(0);
        Assert.False(Directory.Exists(Path.Combine(two.Keeper, "mirrors")));
    }

    [Fact]
    [Trait("Spec", "S-173")]
    [Trait("Spec", "P-123")]
    [Trait("Spec", "P-128")]
    public void A_pod_that_was_opened_for_hosts_is_none_for_mirrors_and_options_that_do_not_fit_are_refused()
    {
        using var two = new KeeperBench(1000);
        string pod = two.Bench.Pod;
        Process pair = two.Open("--role", "home");
        Assert.Contains("--role mirror", MirrorBench.Run("mirror", pod, two.At, "--pair", "--code-file", two.CodeFile).Expect(4).Output,
            StringComparison.Ordinal);
        PodKeeperProgram.Finish(pair).Expect(4);
        Assert.Empty(MirrorBench.Run("pairings", two.Keeper).Expect(0).Json.GetProperty("pairings").EnumerateArray());
        Assert.False(Directory.Exists(Path.Combine(pod, "v1", "keepers")));
        MirrorBench.Run("mirror", pod, two.Bench.Mirror, "--pair").Expect(2);
        MirrorBench.Run("mirror", pod, two.At, "--digits").Expect(2);
        MirrorBench.Run("mirror", pod, "pod://host/path").Expect(2);
        MirrorBench.Run("mirror", pod, "pod://user@host").Expect(2);
        MirrorBench.Run("pair", two.Keeper, "--role", "home", "--copy", "a").Expect(2);
        foreach (string name in (string[])["..", "a/b", "-a", "A", ""])
            MirrorBench.Run("pair", two.Keeper, "--role", "mirror", "--copy", name).Expect(2);
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
