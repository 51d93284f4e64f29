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
    public async Task When_the_link_goes_down_the_CPUs_stop_the_keys_go_and_what_the_guest_flushed_comes_back_as_a_residue()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        string work;
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "0"]))
        {
            IReadOnlyList<int> processes = session.Processes;
            _ = await GuestWork.DoAsync(session.Agent, mebibytes: 2, rows: 40);
            JsonElement checkpoint = await session.CheckpointAsync();
            // Flushed by the guest, and in no commit of the pod: it stands in this host's locked memory alone.
            work = await GuestWork.DoFlushedAsync(session.Agent, mebibytes: 1, rows: 20);
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
        // Pod and host meet again, on the same line: fast-forward.
        await served.Net.PlugAsync();
        Assert.Single((await served.Host.RunAsync(["residues"])).EnumerateArray());
        JsonElement taken = Assert.Single((await served.Host.RunAsync(["residues", "--hand-in", served.Host.Pod])).EnumerateArray());
        Assert.Equal("taken", taken.GetProperty("state").GetString());
        Assert.Empty((await served.Host.RunAsync(["residues"])).EnumerateArray());
        await using TestSession again = await served.Host.StartAsync("boot", BasePod.Session, []);
        Assert.Equal(work, await GuestWork.LookAsync(again.Agent));
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
        long before = await BytesReadAsync(session);
        for (int i = 0; i < 10_000 && await BytesReadAsync(session) < before + (1 << 20); i++)
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
    public async Task What_a_host_whose_lease_was_broken_hands_in_becomes_a_fork_that_can_be_gone_on_from()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        string work;
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "600"]))
        {
            IReadOnlyList<int> processes = session.Processes;
            work = await GuestWork.DoFlushedAsync(session.Agent, mebibytes: 1, rows: 20);
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
            await PodCopy.EndAsync(line);
        }
        // ... and these are kept beside it.
        await using TestSession fork = await served.Host.StartAsync("boot", BasePod.Session, ["--fork", state["taken as fork ".Length..]]);
        await fork.Agent.WaitUntilBootedAsync(TestContext.Current.CancellationToken);
        Assert.Equal(work, await GuestWork.LookAsync(fork.Agent));
        await PodCopy.EndAsync(fork);
    }

    [Fact]
    [Trait("Spec", "H-44")]
    [Trait("Spec", "P-44")]
    [Trait("Spec", "P-48")]
    public async Task A_pod_that_is_locked_for_all_makes_the_host_leave_and_takes_its_residue_in_while_locked()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        string work;
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "600"]))
        {
            IReadOnlyList<int> processes = session.Processes;
            // The plain lock lets the lease go on (rule 33) ...
            _ = await served.OnPodAsync("lock", served.Pod);
            await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
            Assert.Equal("Running", (await session.StatusAsync()).GetProperty("phase").GetString());
            // ... and this one does not, however long the grace is. What is flushed now is in no commit: one was a moment ago.
            await EverythingIsOnThePodAsync(session);
            work = await GuestWork.DoFlushedAsync(session.Agent, mebibytes: 1, rows: 20);
            _ = await served.OnPodAsync("lock", served.Pod, "--all");
            await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
            JsonElement receipt = await session.ReceiptAsync(TestContext.Current.CancellationToken);
            Assert.Equal("lease-over", receipt.GetProperty("reason").GetString());
            NothingWasLeftOut(receipt);
        }
        JsonElement taken = Assert.Single((await served.Host.RunAsync(["residues", "--hand-in", served.Host.Pod])).EnumerateArray());
        Assert.Equal("taken", taken.GetProperty("state").GetString());
        _ = await served.UnlockAsync();
        await using TestSession again = await served.Host.StartAsync("boot", BasePod.Session, []);
        Assert.Equal(work, await GuestWork.LookAsync(again.Agent));
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
    private static void NothingWasLeftOut(JsonElement receipt) =>
        Assert.DoesNotContain(receipt.GetProperty("not_guaranteed").EnumerateArray(), n => n.GetString()!.Contains("disk", StringComparison.Ordinal));

    // Asked without a command in between, which takes as long as the guest to read half of its heap.
    private static async Task<long> BytesReadAsync(TestSession session)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Join(session.RunFolder, "control.sock")), TestContext.Current.CancellationToken);
        await using var stream = new NetworkStream(socket);
        await stream.WriteAsync("{\"verb\": \"status\"}\n"u8.ToArray(), TestContext.Current.CancellationToken);
        return (await JsonSerializer.DeserializeAsync<JsonElement>(stream, cancellationToken: TestContext.Current.CancellationToken)).GetProperty("status")
            .GetProperty("bytes_read").GetInt64();
    }

    private static async Task EverythingIsOnThePodAsync(TestSession session)
    {
        for (int i = 0; i < 3000 && (await session.StatusAsync()).GetProperty("disk_unsealed_bytes").GetInt64() > 0; i++)
            await Task.Delay(100, TestContext.Current.CancellationToken);
    }
}
