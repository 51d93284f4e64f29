using System.Text.Json;
using VmPod.PodKeeper.Tests.Cli;
using Xunit;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>A mirror on another machine, over a real ssh.</summary>
public sealed class SshMirrorTests
{
    [Fact]
    [Trait("Spec", "P-112")]
    [Trait("Spec", "P-120")]
    [Trait("Spec", "P-121")]
    [Trait("Spec", "S-160")]
    public async Task A_pod_is_mirrored_repaired_and_restored_over_ssh()
    {
        using var bench = new MirrorBench();
        await using LocalSshd sshd = await LocalSshd.StartAsync(bench.Temp.Sub("ssh"));
        // A path that a shell would read wrongly.
        string there = bench.Temp["it's $HOME there"], at = $"ssh://there{there}";
        string[] by = ["--ssh", sshd.Command, "--remote-command", PodKeeperProgram.Path];

        JsonElement first = Run(["mirror", bench.Pod, at], 0);
        Assert.Equal("new", first.GetProperty("verdict").GetString());
        bench.Put(200_000);
        JsonElement second = Run(["mirror", bench.Pod, at], 0);
        Assert.Equal("newer", second.GetProperty("verdict").GetString());
        Assert.InRange(second.GetProperty("cells").GetInt64(), 4, 8);
        MirrorBench.Run("verify", there).Expect(0);
        MirrorBench.Run("audit", "verify", there).Expect(0);
        // Where something else is the other side says so, and what it says arrives.
        File.WriteAllText(Path.Combine(bench.Temp.Sub("mine"), "a.txt"), "mine");
        string mine = $"ssh://there{bench.Temp["mine"]}";
        Assert.Contains("no mirror", MirrorBench.Run(["mirror", bench.Pod, mine, .. by]).Expect(4).Output, StringComparison.Ordinal);
        MirrorBench.Run(["mirror", bench.Pod, at, "--forget-delay", "0", .. by]).Expect(2);
        // No podkeeper there: the link is lost, not the pod.
        MirrorBench.Run(["mirror", bench.Pod, at, "--ssh", sshd.Command, "--remote-command", "/nowhere/podkeeper"]).Expect(7);
        // A shell that greets is no podkeeper.
        string greeting = $"echo Welcome to this machine; {PodKeeperProgram.Path}";
        MirrorBench.Run(["mirror", bench.Pod, at, "--ssh", sshd.Command, "--remote-command", greeting]).Expect(5);

        using (FileStream segment = File.OpenWrite(Path.Combine(bench.Pod, "v1", "segments", "000000.seg")))
        {
            segment.Position = 5000;
            segment.Write("damage"u8);
        }
        File.WriteAllBytes(Path.Combine(bench.Pod, "v1", "slots.bin"), new byte[8192]);
        JsonElement repaired = Run(["repair", bench.Pod, "--from", at], 0);
        Assert.Equal((1L, true), (repaired.GetProperty("fetched").GetInt64(), repaired.GetProperty("slots_anew").GetBoolean()));
        MirrorBench.Run("verify", bench.Pod).Expect(0);
        Run(["mirror", bench.Pod, at], 0);

        Directory.Delete(bench.Pod, recursive: true);
        bench.MustComeBack(at, by);

        JsonElement Run(string[] arguments, int exitCode) => MirrorBench.Run([.. arguments, .. by]).Expect(exitCode).Json;
    }
}
