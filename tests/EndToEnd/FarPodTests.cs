using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>The pod is another machine: the session walks over the air, and its loss ends as a folder's does, with the rest kept for it.</summary>
public sealed class FarPodTests(BasePod pod)
{
    // D8: silent for 1 s, then the CPUs stop; keys gone at most 2 s after the grace. hostguard/README.md has what is measured. A loaded machine may take
    // several times that; without the rule it would be the half minute after which a link is given up, or for ever.
    private const double StopSecondsMax = 8, KeysGoneSecondsMax = 16;

    // A host does not commit less, unless it is half a minute old.
    private const int CellBytes = 65_536;

    private const string Last = "/root/last";

    [Fact]
    [Trait("Spec", "H-40")]
    public async Task A_session_goes_on_from_a_pod_that_is_another_machine_and_is_suspended_to_it()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        string work;
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, []))
        {
            WitnessVerdict verdict = await pod.JudgeAsync(session.Agent);
            Assert.True(verdict.Unbroken, verdict.ToString());
            Assert.Equal(pod.Work, await GuestWork.LookAsync(session.Agent));
            work = await GuestWork.DoAsync(session.Agent, mebibytes: 1, rows: 20);
            JsonElement checkpoint = await session.CheckpointAsync();
            Assert.True(checkpoint.GetProperty("cells_added").GetInt64() > 0);
            await PodCopy.EndAsync(session);
        }
        await using TestSession again = await served.Host.StartAsync("resume", BasePod.Session, []);
        Assert.True((await pod.JudgeAsync(again.Agent)).Unbroken);
        Assert.Equal(work, await GuestWork.LookAsync(again.Agent));
        await PodCopy.EndAsync(again);
        // Each key use stands in the pod's log before it: a grant for each resume, and the receipts.
        JsonElement log = await served.OnPodAsync("audit", "show", served.Pod);
        string text = log.ToString();
        Assert.Contains("keys-granted", text, StringComparison.Ordinal);
        Assert.Contains("wipe-receipt", text, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "H-41")]
    [Trait("Spec", "H-43")]
    [Trait("Spec", "S-118")]
    public async Task When_the_link_goes_down_the_CPUs_stop_the_keys_go_and_what_the_guest_flushed_comes_back_as_a_residue()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        string work, last;
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "0"]))
        {
            IReadOnlyList<int> processes = session.Processes;
            _ = await GuestWork.DoAsync(session.Agent, mebibytes: 2, rows: 40);
            JsonElement checkpoint = await session.CheckpointAsync();
            // Flushed by the guest, and the last of it in no commit of the pod: it stands in this host's locked memory alone.
            work = await GuestWork.DoFlushedAsync(session.Agent, mebibytes: 1, rows: 20);
            last = await LastWordsAsync(session);
            long gone = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            await served.Net.UnplugAsync();
            await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
            JsonElement receipt = await session.ReceiptAsync(TestContext.Current.CancellationToken);
            Assert.Equal("pod-gone", receipt.GetProperty("reason").GetString());
            Assert.Equal(checkpoint.GetProperty("generation").GetUInt64(), receipt.GetProperty("generation").GetUInt64());
            Assert.InRange((receipt.GetProperty("cpus_stopped_ms").GetInt64() - gone) / 1000.0, 0, StopSecondsMax);
            Assert.InRange((receipt.GetProperty("keys_gone_ms").GetInt64() - gone) / 1000.0, 0, KeysGoneSecondsMax);
            NothingWasLeftOut(receipt);
            Assert.True(receipt.TryGetProperty("residue", out JsonElement folder), receipt.ToString());
            Assert.True(File.Exists(Path.Combine(folder.GetString()!, "commit.bin")));
        }
        // Pod and host meet again, on the same line: fast-forward, and nobody has to ask for it.
        Assert.Single((await served.Host.RunAsync(["residues"])).EnumerateArray());
        long plugged = 0;
        Assert.Equal("taken", await HandedInAsync(served.Host, async () =>
        {
            plugged = Stopwatch.GetTimestamp();
            await served.Net.PlugAsync();
        }));
        TestContext.Current.TestOutputHelper!.WriteLine($"from link-up to the receipt of the residue: {Stopwatch.GetElapsedTime(plugged).TotalSeconds:0.00} s");
        Assert.Empty((await served.Host.RunAsync(["residues"])).EnumerateArray());
        await using TestSession again = await served.Host.StartAsync("boot", BasePod.Session, []);
        Assert.Equal(work, await GuestWork.LookAsync(again.Agent));
        Assert.Equal(last, await GuestWork.SumAsync(again.Agent, Last));
        await PodCopy.EndAsync(again);
    }

    [Fact]
    [Trait("Spec", "H-41")]
    public async Task Pages_of_memory_that_the_guest_waits_for_when_the_link_goes_down_delay_nothing()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        await using TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "0"]);
        IReadOnlyList<int> processes = session.Processes;
        // 48 MiB that nobody touched since the resume: most of it is on the pod alone.
        using var stop = new CancellationTokenSource();
        Task touching = Task.Run(() => session.Agent.HeapAsync(cancellation: stop.Token), TestContext.Current.CancellationToken);
        long before = await NumberAsync(session, "bytes_read");
        for (int i = 0; i < 10_000 && await NumberAsync(session, "bytes_read") < before + (1 << 20); i++)
            await Task.Delay(5, TestContext.Current.CancellationToken);
        long gone = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await served.Net.UnplugAsync();
        await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
        Assert.False(touching.IsCompletedSuccessfully, "The guest had all of it: nothing was shown.");
        await stop.CancelAsync();
        JsonElement receipt = await session.ReceiptAsync(TestContext.Current.CancellationToken);
        Assert.InRange((receipt.GetProperty("keys_gone_ms").GetInt64() - gone) / 1000.0, 0, KeysGoneSecondsMax);
        Assert.DoesNotContain("pages of guest memory", receipt.GetProperty("not_guaranteed").ToString(), StringComparison.Ordinal);
        _ = await Assert.ThrowsAnyAsync<Exception>(() => touching);
        await served.Net.PlugAsync();
    }

    [Fact]
    [Trait("Spec", "H-41")]
    [Trait("Spec", "H-44")]
    [Trait("Spec", "P-60")]
    [Trait("Spec", "P-135")]
    public async Task What_a_host_whose_lease_was_broken_hands_in_becomes_a_fork_that_can_be_gone_on_from()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        string work, last;
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "600"]))
        {
            IReadOnlyList<int> processes = session.Processes;
            work = await GuestWork.DoFlushedAsync(session.Agent, mebibytes: 1, rows: 20);
            last = await LastWordsAsync(session);
            _ = await served.OnPodAsync("release", served.Pod, BasePod.Session, "--break");
            await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
            JsonElement receipt = await session.ReceiptAsync(TestContext.Current.CancellationToken);
            Assert.Equal("lease-over", receipt.GetProperty("reason").GetString());
            NothingWasLeftOut(receipt);
        }
        JsonElement taken = Assert.Single((await served.Host.RunAsync(["residues", "--hand-in", served.Host.Pod])).EnumerateArray());
        string state = taken.GetProperty("state").GetString()!;
        Assert.StartsWith("taken as fork fork-", state, StringComparison.Ordinal);
        // The line is as it was before that host's last words ...
        await using (TestSession line = await served.Host.StartAsync("resume", BasePod.Session, ["--drop-disk-changes"]))
        {
            Assert.Equal(pod.Work, await GuestWork.LookAsync(line.Agent));
            // Whoever runs it hears that there is another.
            JsonElement said = await line.StatusAsync();
            for (int i = 0; i < 600 && !said.TryGetProperty("fork_warning", out _); i++)
            {
                await Task.Delay(100, TestContext.Current.CancellationToken);
                said = await line.StatusAsync();
            }
            Assert.Contains($"session {BasePod.Session} has a fork left behind by ", said.GetProperty("fork_warning").GetString(), StringComparison.Ordinal);
            Assert.Equal(state["taken as fork ".Length..], said.GetProperty("forks").EnumerateArray().Single().GetProperty("name").GetString());
            await PodCopy.EndAsync(line);
        }
        // ... and these are kept beside it.
        await using TestSession fork = await served.Host.StartAsync("boot", BasePod.Session, ["--fork", state["taken as fork ".Length..]]);
        await fork.Agent.WaitUntilBootedAsync(TestContext.Current.CancellationToken);
        Assert.Equal(work, await GuestWork.LookAsync(fork.Agent));
        Assert.Equal(last, await GuestWork.SumAsync(fork.Agent, Last));
        await PodCopy.EndAsync(fork);
    }

    [Fact]
    [Trait("Spec", "H-44")]
    [Trait("Spec", "P-44")]
    [Trait("Spec", "P-48")]
    [Trait("Spec", "S-118")]
    public async Task A_pod_that_is_locked_for_all_makes_the_host_leave_and_takes_its_residue_in_while_locked()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        string work, last;
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "600"]))
        {
            IReadOnlyList<int> processes = session.Processes;
            // The plain lock lets the lease go on (rule 33) ...
            _ = await served.OnPodAsync("lock", served.Pod);
            await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
            Assert.Equal("Running", (await session.StatusAsync()).GetProperty("phase").GetString());
            // ... and this one does not, however long the grace is.
            work = await GuestWork.DoFlushedAsync(session.Agent, mebibytes: 1, rows: 20);
            last = await LastWordsAsync(session);
            _ = await served.OnPodAsync("lock", served.Pod, "--all");
            await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
            JsonElement receipt = await session.ReceiptAsync(TestContext.Current.CancellationToken);
            Assert.Equal("lease-over", receipt.GetProperty("reason").GetString());
            NothingWasLeftOut(receipt);
        }
        // Nothing goes over a link that costs money ...
        await using (CliProcess paused = served.Host.Start(["watch", "--metered-link", "host0"]))
        {
            await paused.WaitForTextAsync("\"event\":\"paused\"", TimeSpan.FromMinutes(2));
            Assert.Single((await served.Host.RunAsync(["residues"])).EnumerateArray());
        }
        // ... and over any other by itself, though the pod is locked.
        Assert.Equal("taken", await HandedInAsync(served.Host, () => Task.CompletedTask));
        Assert.Empty((await served.Host.RunAsync(["residues"])).EnumerateArray());
        _ = await served.UnlockAsync();
        await using TestSession again = await served.Host.StartAsync("boot", BasePod.Session, []);
        Assert.Equal(work, await GuestWork.LookAsync(again.Agent));
        Assert.Equal(last, await GuestWork.SumAsync(again.Agent, Last));
        await PodCopy.EndAsync(again);
    }

    [Fact]
    [Trait("Spec", "H-42")]
    public async Task A_pod_whose_process_is_killed_and_comes_back_within_the_grace_lets_the_guest_go_on()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        await using TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "600"]);
        string work = await GuestWork.DoAsync(session.Agent, mebibytes: 1, rows: 20);
        await served.KillServerAsync();
        await session.WaitForPhaseAsync("Frozen", TestContext.Current.CancellationToken);
        await served.ServeAsync();
        await session.WaitForPhaseAsync("Running", TestContext.Current.CancellationToken);
        Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
        Assert.Equal(work, await GuestWork.LookAsync(session.Agent));
        await PodCopy.EndAsync(session);
        await using TestSession again = await served.Host.StartAsync("resume", BasePod.Session, []);
        Assert.Equal(work, await GuestWork.LookAsync(again.Agent));
        await PodCopy.EndAsync(again);
    }

    // The guest flushed all that it wrote, and wrote nothing after.
    /// <summary>What `hostguard watch` says became of the residue; it is started before something happens, and stopped after.</summary>
    private static async Task<string> HandedInAsync(TestHost host, Func<Task> happens)
    {
        TimeSpan limit = TimeSpan.FromMinutes(2);
        await using CliProcess watch = host.Start(["watch"]);
        await watch.WaitForTextAsync("\"event\":\"watching\"", limit);
        await happens();
        await watch.WaitForTextAsync("\"event\":\"residue\"", limit);
        watch.Signal(15);
        CliResult ended = (await watch.WaitAsync(limit)).MustSucceed();
        string line = Assert.Single(ended.Output.Split('\n'), l => l.Contains("\"event\":\"residue\"", StringComparison.Ordinal));
        using JsonDocument residue = JsonDocument.Parse(line);
        return residue.RootElement.GetProperty("state").GetString()!;
    }

    private static void NothingWasLeftOut(JsonElement receipt) =>
        Assert.DoesNotContain(receipt.GetProperty("not_guaranteed").EnumerateArray(), n => n.GetString()!.Contains("disk", StringComparison.Ordinal));

    // Something that the guest flushed and that is in no commit. The host commits what is flushed every five seconds at most: so right after a commit.
    private static async Task<string> LastWordsAsync(TestSession session)
    {
        _ = await GuestWork.WriteAndFlushAsync(session.Agent, "/root/last-but-one");
        for (int i = 0; i < 6000 && await NumberAsync(session, "disk_unsealed_bytes") >= CellBytes; i++)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        return await GuestWork.WriteAndFlushAsync(session.Agent, Last);
    }

    // A number of its status, asked without a command in between: that would take as long as the guest to read half of its heap.
    private static async Task<long> NumberAsync(TestSession session, string name)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Join(session.RunFolder, "control.sock")), TestContext.Current.CancellationToken);
        await using var stream = new NetworkStream(socket);
        await stream.WriteAsync("{\"verb\": \"status\"}\n"u8.ToArray(), TestContext.Current.CancellationToken);
        return (await JsonSerializer.DeserializeAsync<JsonElement>(stream, cancellationToken: TestContext.Current.CancellationToken)).GetProperty("status")
            .GetProperty(name).GetInt64();
    }
}
