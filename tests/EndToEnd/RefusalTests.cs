using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>What must not go on ends with a clear error and its exit code (D7).</summary>
public sealed class RefusalTests(BasePod pod)
{
    // Another boot is another host to a pod. The command sees another boot id, by a mount of its own.
    private static IReadOnlyList<string> AnotherHost(PodCopy copy)
    {
        string id = copy.InRam["boot_id"];
        File.WriteAllText(id, "6a1fd0c6-3c0e-4b6f-9d6c-9a0000000001\n");
        return ["unshare", "--mount", "--propagation", "slave", "/bin/sh", "-c", "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$@\"", id];
    }

    [Fact]
    public async Task A_wrong_passphrase_ends_with_4()
    {
        await using PodCopy copy = await pod.CopyAsync();
        string wrong = copy.InRam["wrong"];
        File.WriteAllText(wrong, "not-the-passphrase-of-it");
        File.SetUnixFileMode(wrong, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var host = new TestHost(copy.InRam["run2"], copy.Pod, wrong);
        (await host.TryStartAsync("resume", BasePod.Session)).MustEndWith(4);
        var right = new TestHost(copy.InRam["run3"], copy.Pod, pod.PinFile);
        await using TestSession session = await right.StartAsync("resume", BasePod.Session, []);
        Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
    }

    [Fact]
    public async Task A_session_that_is_not_there_ends_with_3()
    {
        await using PodCopy copy = await pod.CopyAsync();
        (await copy.Host.TryStartAsync("resume", "nobody")).MustEndWith(3);
        (await copy.Host.TryAsync(["suspend", "nobody"])).MustEndWith(3);
    }

    [Fact]
    public async Task A_session_that_another_host_holds_ends_with_6_until_its_lease_is_broken()
    {
        await using PodCopy copy = await pod.CopyAsync();
        var other = new TestHost(copy.InRam["other"], copy.Pod, null, AnotherHost(copy));
        await using (TestSession held = await other.StartAsync("resume", BasePod.Session, []))
        {
            // While it runs the store itself is taken.
            (await copy.Host.TryStartAsync("resume", BasePod.Session)).MustEndWith(6);
            await PodCopy.CrashAsync(held);
        }
        CliResult refused = (await copy.Host.TryStartAsync("resume", BasePod.Session, "--drop-disk-changes")).MustEndWith(6);
        Assert.Contains("release", refused.Json.GetProperty("error").GetProperty("hint").GetString(), StringComparison.Ordinal);
        _ = await BasePod.PodKeeperAsync("release", copy.Pod, BasePod.Session, "--break");
        await using TestSession session = await copy.ResumeAsync("--drop-disk-changes");
        Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
    }

    [Fact]
    public async Task A_session_that_runs_here_already_ends_with_6()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using TestSession session = await copy.ResumeAsync();
        (await copy.Host.TryStartAsync("resume", BasePod.Session)).MustEndWith(6);
        _ = await session.Agent.PingAsync(cancellation: TestContext.Current.CancellationToken);
    }
}
