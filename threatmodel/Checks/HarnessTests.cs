using System.Diagnostics;
using System.Security.Cryptography;
using VmPod.Testing;
using Xunit;

namespace VmPod.ThreatModel.Checks;

/// <summary>The instruments of the other tests, shown to bite: a witness that cannot be broken and a search that finds nothing prove nothing.</summary>
public sealed class HarnessTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(5);

    [Fact]
    public void A_witness_that_went_on_is_unbroken() =>
        Assert.True(Witness.Judge(At(100), At(150), Minute).Unbroken, Witness.Judge(At(100), At(150), Minute).ToString());

    [Fact]
    public void A_guest_that_began_anew_is_found() => AssertBroken("did not advance", At(100), At(20));

    [Fact]
    public void A_chain_that_is_not_the_chain_is_found()
    {
        Witness after = At(150);
        AssertBroken("is not the chain of 150 steps", At(100), after with { Value = after.Value with { Hash = At(149).Value.Hash } });
    }

    [Fact]
    public void Another_process_is_found() => AssertBroken("another process", At(100), At(150, pid: 8));

    [Fact]
    public void A_clock_that_went_back_is_found()
    {
        Witness after = At(150);
        AssertBroken("went back", At(100), after with { Value = after.Value with { MonotonicSeconds = 1 } });
    }

    [Fact]
    public void A_clock_that_ran_more_than_the_host_let_it_is_found()
    {
        Witness after = At(150);
        AssertBroken("advanced by", At(100), after with { Value = after.Value with { MonotonicSeconds = 500 } });
    }

    [Fact]
    public void A_chain_faster_than_its_clock_is_found()
    {
        Witness after = At(1000);
        AssertBroken("more than one each 20 ms", At(100), after with { Value = after.Value with { MonotonicSeconds = 3 } });
    }

    [Fact]
    public void An_altered_heap_is_found() => AssertBroken("the heap is altered", At(100), At(150) with { Heap = new GuestHeap(false, "ab") });

    [Fact]
    public void Another_heap_is_found() => AssertBroken("the heap is another heap", At(100), At(150) with { Heap = new GuestHeap(true, "cd") });

    [Theory]
    [InlineData(0)]
    [InlineData((1 << 20) - 32)]
    [InlineData((1 << 20) - 16)]
    [InlineData(1 << 20)]
    [InlineData((3 << 20) + 77)]
    public void The_search_finds_a_canary_wherever_it_stands(int at)
    {
        using var folder = new TempFolder();
        var canaries = new Canaries(4);
        byte[] bytes = RandomNumberGenerator.GetBytes(4 << 20);
        canaries.Patterns[3].CopyTo(bytes, at);
        File.WriteAllBytes(folder["plain"], bytes);
        var search = new CanarySearch(canaries.Patterns);
        Assert.Equal(1, search.File(folder["plain"]));
        Assert.Equal(1, search.File(folder["plain"], direct: true));
        Assert.Equal(1, search.Folder(folder.FullPath));
        Assert.Equal(3, search.Hits);
        Assert.All(search.Places, p => Assert.Equal(bytes.Length, p.Bytes));
    }

    [Fact]
    public void The_search_leaves_holes_out_and_finds_what_is_behind_them()
    {
        using var folder = new TempFolder();
        var canaries = new Canaries(1);
        using (FileStream file = File.Create(folder["sparse"]))
        {
            file.SetLength(64L << 30);
            file.Position = (40L << 30) + 100;
            file.Write(canaries.Patterns[0]);
        }
        var search = new CanarySearch(canaries.Patterns);
        Assert.Equal(1, search.File(folder["sparse"]));
        Assert.Equal(1, search.File(folder["sparse"], direct: true));
        Assert.All(search.Places, p => Assert.InRange(p.Bytes, 1, 1 << 20));
    }

    [Fact]
    public void A_folder_without_canaries_has_no_hit_and_a_planted_control_is_found()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder["random"], RandomNumberGenerator.GetBytes(1 << 20));
        var search = new CanarySearch(new Canaries().Patterns);
        Assert.Equal(0, search.Folder(folder.FullPath));
        search.PlantControl(folder["control"]);
        Assert.Equal(1, search.Folder(folder.FullPath));
    }

    [Fact]
    public async Task The_search_passes_over_pipes_and_sockets()
    {
        using var folder = new TempFolder();
        (await new CliRunner("mkfifo").RunAsync([folder["pipe"]])).MustSucceed();
        var search = new CanarySearch(new Canaries(1).Patterns);
        Assert.Equal(0, await Task.Run(() => search.Folder(folder.FullPath)).WaitAsync(Minute));
    }

    [Fact]
    public async Task The_search_finds_a_canary_in_the_memory_of_a_process()
    {
        var canaries = new Canaries(2);
        string seed = canaries.Seeds[1];
        const string Program = "import hashlib, sys, time; c = hashlib.sha256(b'vmpod canary' + bytes.fromhex(sys.argv[1])).digest(); "
            + "print('ready', flush=True); time.sleep(3600)";
        await using CliProcess python = new CliRunner("python3").Start(["-c", Program, seed]);
        await python.WaitForTextAsync("ready", Minute);
        var search = new CanarySearch(canaries.Patterns);
        Assert.InRange(search.Process(python.Pid), 1, 10);
        Assert.InRange(search.Places[0].Bytes, 1 << 20, long.MaxValue);
        Assert.Equal(0, new CanarySearch(new Canaries().Patterns).Process(python.Pid));
    }

    [Fact]
    public async Task A_command_is_judged_by_its_exit_code_output_and_time()
    {
        CliResult result = await new CliRunner("/bin/sh", "-c").RunAsync(["cat; echo oops >&2; exit 7"], stdin: "hello"u8.ToArray());
        Assert.Equal((7, "hello", "oops\n"), (result.ExitCode, result.Output, result.Errors));
        Assert.Throws<InvalidOperationException>(result.MustSucceed);
        long started = Stopwatch.GetTimestamp();
        await Assert.ThrowsAsync<TimeoutException>(() => new CliRunner("sleep").RunAsync(["3600"], TimeSpan.FromMilliseconds(200)));
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0.2, 300);
    }

    [Fact]
    public async Task A_secret_is_read_from_stdin_and_stands_on_no_command_line()
    {
        CliResult result = await new CliRunner("/bin/sh", "-c", "cat $2; tr '\\0' ' ' </proc/$$/cmdline >&2", "sh")
            .RunAsync([], secret: "correct horse"u8.ToArray());
        Assert.Equal("correct horse", result.Output);
        Assert.DoesNotContain("horse", result.Errors, StringComparison.Ordinal);
        Assert.Contains("--pin-file /dev/stdin", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_network_namespace_has_nothing_but_its_loopback_and_is_gone_afterwards()
    {
        string name;
        await using (NetNamespace net = await NetNamespace.CreateAsync())
        {
            name = net.Name;
            CliResult links = (await new CliRunner("ip").Inside(net.Wrapper).RunAsync(["-o", "link"])).MustSucceed();
            Assert.Contains(": lo:", links.Output, StringComparison.Ordinal);
            Assert.DoesNotContain(": eth", links.Output, StringComparison.Ordinal);
        }
        Assert.DoesNotContain(name, (await new CliRunner("ip").RunAsync(["netns"])).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_shows_its_open_files_and_its_end()
    {
        using var folder = new TempFolder();
        await using CliProcess shell = new CliRunner("/bin/sh", "-c").Start(["exec 7>" + folder["open"] + "; echo ready; exec sleep 3600"]);
        await shell.WaitForTextAsync("ready", Minute);
        Assert.Equal(folder["open"], ProcessSnapshot.Of(shell.Pid).OpenFiles[7]);
        Assert.Contains(shell.Pid, ProcessSnapshot.Descendants(Environment.ProcessId));
        Assert.True(ProcessSnapshot.IsAlive(shell.Pid));
        shell.Signal(9);
        Assert.Equal(137, (await shell.WaitAsync(Minute)).ExitCode);
        Assert.False(ProcessSnapshot.IsAlive(shell.Pid));
    }

    private static void AssertBroken(string reason, Witness before, Witness after)
    {
        WitnessVerdict verdict = Witness.Judge(before, after, Minute);
        Assert.False(verdict.Unbroken);
        Assert.Contains(reason, verdict.ToString(), StringComparison.Ordinal);
    }

    private static Witness At(int steps, int pid = 7)
    {
        byte[] hash = SHA256.HashData("vmpod"u8);
        for (int i = 0; i < steps; i++)
            hash = SHA256.HashData(hash);
        return new Witness(new WitnessValue(steps, Convert.ToHexStringLower(hash), 0.1 + (steps * 0.02), 0, pid), new GuestHeap(true, "ab"));
    }
}
