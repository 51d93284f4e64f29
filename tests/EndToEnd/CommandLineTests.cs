using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>The two tools as a user types them, from nothing to a session and back.</summary>
public sealed class CommandLineTests(BasePod pod)
{
    [Fact]
    public async Task The_pod_says_what_it_holds_and_its_log_says_what_was_done()
    {
        await using PodCopy copy = await pod.CopyAsync();
        JsonElement sessions = await BasePod.PodKeeperAsync("sessions", copy.Pod);
        JsonElement only = Assert.Single(sessions.GetProperty("sessions").EnumerateArray());
        Assert.Equal(BasePod.Session, only.GetProperty("name").GetString());
        Assert.Contains(only.GetProperty("generations").EnumerateArray(), g => g.GetProperty("kind").GetString() == "checkpoint");
        await using (TestSession session = await copy.ResumeAsync())
            await PodCopy.EndAsync(session, "leave");
        JsonElement log = await BasePod.PodKeeperAsync("audit", "show", copy.Pod);
        string[] events = [.. log.GetProperty("entries").EnumerateArray().Select(e => e.GetProperty("event").GetString()!)];
        foreach (string wanted in (string[])["pod-init", "keys-granted", "lease-opened", "session-resume", "session-suspend", "wipe-receipt"])
            Assert.Contains(wanted, events);
        // Durable before the keys are used: the grant stands before the lease.
        Assert.True(Array.IndexOf(events, "keys-granted") < Array.IndexOf(events, "lease-opened"));
        _ = await BasePod.PodKeeperAsync("audit", "verify", copy.Pod);
        _ = await BasePod.PodKeeperAsync("verify", copy.Pod);
    }

    [Fact]
    public async Task Bad_command_lines_end_with_2_and_a_disk_that_is_none_is_refused()
    {
        await using PodCopy copy = await pod.CopyAsync();
        (await CliRunner.HostGuard.RunAsync(["adopt", "x", "--pod", copy.Pod])).MustEndWith(2);
        string qcow = copy.Folder["disk.qcow2"];
        (await new CliRunner(SystemTools.Find("qemu-img")).RunAsync(["create", "-q", "-f", "qcow2", qcow, "64M"])).MustSucceed();
        CliResult refused = (await copy.Host.TryWithPodAsync(["adopt", "x", "--qemu", qcow])).MustEndWith(2);
        Assert.Contains("qemu-img convert", refused.Json.GetProperty("error").GetProperty("hint").GetString(), StringComparison.Ordinal);
        (await copy.Host.TryWithPodAsync(["adopt", "x", "--qemu", copy.Folder["nothing"]])).MustEndWith(3);
    }

    [Fact]
    public async Task A_locked_pod_is_refused_with_4_and_names_the_cure()
    {
        await using PodCopy copy = await pod.CopyAsync();
        string plain = copy.InRam["plain"];
        // Without a terminal there is nobody to ask.
        var podkeeper = new CliRunner(SystemTools.Find("setsid"), "--wait", Repository.Program("VmPod.PodKeeper.Cli", "podkeeper"));
        var host = new TestHost(copy.InRam["run2"], copy.Pod, null, "setsid", "--wait");
        pod.KillAgent();
        try
        {
            foreach (CliResult refused in (CliResult[])
                [await host.TryStartAsync("resume", BasePod.Session), await host.TryStartAsync("boot", BasePod.Session),
                    await podkeeper.RunAsync(["get", copy.Pod, BasePod.Session, plain, "--json"], cancellation: TestContext.Current.CancellationToken)])
            {
                JsonElement error = refused.MustEndWith(4).Json.GetProperty("error");
                Assert.Contains("locked", error.GetProperty("message").GetString(), StringComparison.Ordinal);
                Assert.Contains($"podkeeper unlock {copy.Pod}", error.GetProperty("hint").GetString(), StringComparison.Ordinal);
            }
            Assert.False(Directory.Exists(plain));
        }
        finally
        {
            await pod.UnlockAsync();
        }
        // The cure works.
        await using TestSession session = await copy.ResumeAsync();
        Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
    }

    [Fact]
    [Trait("Spec", "P-09")]
    public async Task The_log_holds_no_name_no_path_no_passphrase_and_nothing_of_the_guest()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await using (TestSession session = await copy.ResumeAsync())
            await PodCopy.EndAsync(session);
        string plain = copy.InRam["plain"];
        _ = await BasePod.PodKeeperAsync("get", copy.Pod, BasePod.Session, plain);
        byte[] log = await File.ReadAllBytesAsync(Path.Join(copy.Pod, "v1", "audit", "entries"), TestContext.Current.CancellationToken);
        // What must be there is found, so what is not found is not there.
        JsonElement sessions = await BasePod.PodKeeperAsync("sessions", copy.Pod);
        Assert.True(Has(System.Text.Encoding.UTF8.GetBytes(sessions.GetProperty("sessions")[0].GetProperty("handle").GetString()!)));
        foreach (string name in (string[])[$"\"{BasePod.Session}\"", "machine.json", copy.Pod, plain, Environment.MachineName])
            Assert.False(Has(System.Text.Encoding.UTF8.GetBytes(name)), name);
        Assert.False(Has(BasePod.Passphrase));
        Assert.DoesNotContain(pod.Canaries.Patterns, pattern => Has(pattern));

        bool Has(ReadOnlySpan<byte> text) => log.AsSpan().IndexOf(text) >= 0;
    }
}
