using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using VmPod.Testing;
using VmPod.Vault.Format;
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

    [Fact]
    [Trait("Spec", "H-01")]
    public async Task A_checkpoint_without_one_of_its_streams_ends_with_5_and_what_is_no_machine_with_3()
    {
        await using PodCopy copy = await pod.CopyAsync();
        string plain = copy.InRam["plain"];
        _ = await BasePod.PodKeeperAsync("get", copy.Pod, BasePod.Session, plain);
        Assert.Equal(["disk", "machine.json", "memory", "state"], Directory.GetFiles(plain).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach ((string missing, int code) in ((string, int)[])[("disk", 5), ("memory", 5), ("state", 5), ("machine.json", 3)])
        {
            PlainMachine.Put(copy.Pod, pod.PinFile, "without-" + missing, plain, missing);
            (await copy.Host.TryStartAsync("resume", "without-" + missing)).MustEndWith(code);
        }
        await using (FileStream memory = File.OpenWrite(Path.Join(plain, "memory")))
            memory.SetLength(memory.Length - 4096);
        PlainMachine.Put(copy.Pod, pod.PinFile, "short", plain);
        (await copy.Host.TryStartAsync("resume", "short")).MustEndWith(5);
    }

    [Fact]
    [Trait("Threat", "T-02")]
    public async Task A_flipped_bit_in_the_memorys_cells_never_becomes_a_wrong_guest_and_boot_still_works()
    {
        await using PodCopy copy = await pod.CopyAsync();
        await FlipBitOfMemoryAsync(copy.Pod, _ => true);
        CliResult verified = await CliRunner.PodKeeper.RunAsync(["verify", copy.Pod, "--json"], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(5, verified.ExitCode);
        CliResult started = await copy.Host.TryStartAsync("resume", BasePod.Session);
        if (started.ExitCode == 0)
        {
            // Pages are fetched when they are touched: the guest runs until it needs the damaged one, and then waits.
            await WaitsOrIsSoundAsync(copy, started);
            await copy.Host.EndAllAsync();
        }
        else
        {
            JsonElement error = started.MustEndWith(5).Json.GetProperty("error");
            Assert.Contains("is damaged", error.GetProperty("message").GetString(), StringComparison.Ordinal);
            Assert.Contains("hostguard boot", error.GetProperty("hint").GetString(), StringComparison.Ordinal);
            Assert.Contains("--generation", error.GetProperty("hint").GetString(), StringComparison.Ordinal);
        }
        await using TestSession booted = await copy.BootAsync();
        Assert.Equal(pod.Work, await GuestWork.LookAsync(booted.Agent));
    }

    [Fact]
    [Trait("Threat", "T-02")]
    public async Task A_machine_that_waits_for_a_damaged_page_says_so_and_leave_saves_its_disk()
    {
        await using PodCopy copy = await pod.CopyAsync();
        string plain = copy.InRam["plain"];
        _ = await BasePod.PodKeeperAsync("get", copy.Pod, BasePod.Session, plain);
        HashSet<long> heap = PlainMachine.HeapChunks(Path.Join(plain, "memory"));
        Directory.Delete(plain, recursive: true);
        // A page that nobody but the witness needs: the guest runs until the witness reads its heap.
        await FlipBitOfMemoryAsync(copy.Pod, heap.Contains);
        CliResult started = (await copy.Host.TryStartAsync("resume", BasePod.Session)).MustSucceed();
        Assert.False(await WaitsOrIsSoundAsync(copy, started));
        CliResult suspended = (await copy.Host.TryAsync(["suspend", BasePod.Session])).MustEndWith(5);
        Assert.Contains("hostguard leave", suspended.Json.GetProperty("error").GetProperty("hint").GetString(), StringComparison.Ordinal);
        JsonElement left = (await copy.Host.RunAsync(["leave", BasePod.Session])).GetProperty("result");
        Assert.Equal("disk saved", left.GetProperty("receipt").GetProperty("outcome").GetString());
        await copy.Host.EndAllAsync();
        await using TestSession booted = await copy.BootAsync();
        Assert.Equal(pod.Work, await GuestWork.LookAsync(booted.Agent));
    }

    // True if the witness is unbroken; false if the machine waits, and its status says what for. Anything else throws.
    private async Task<bool> WaitsOrIsSoundAsync(PodCopy copy, CliResult started)
    {
        await using GuestAgent agent = await GuestAgent.ConnectAsync(started.Json.GetProperty("status").GetProperty("agent").GetString()!,
            cancellation: TestContext.Current.CancellationToken);
        // Whichever comes first, however slow the machine is: the guest's answer, or the word of what it waits for.
        Task<Witness> answer = Witness.TakeAsync(agent, TestContext.Current.CancellationToken);
        while (!answer.IsCompleted)
        {
            JsonElement status = (await copy.Host.RunAsync(["status", BasePod.Session]))[0];
            if (status.TryGetProperty("trouble", out JsonElement trouble) && trouble.GetString() is { Length: > 0 } why)
            {
                Assert.Contains("is damaged", why, StringComparison.Ordinal);
                _ = answer.ContinueWith(static t => t.Exception, TaskScheduler.Default);
                return false;
            }
            await Task.WhenAny(answer, Task.Delay(200, TestContext.Current.CancellationToken));
        }
        Assert.Empty(Witness.Judge(pod.Witness, await answer, TimeSpan.FromHours(1)).Reasons);
        return true;
    }

    // Damages a cell that holds nothing but wanted chunks of the memory. Which ones do is found by damaging many at a time.
    private static async Task FlipBitOfMemoryAsync(string folder, Func<long, bool> wanted)
    {
        const int CellBytes = 65536, Spacing = 16;
        string segment = Directory.GetFiles(Path.Join(folder, "v1", "segments"), "*.seg").Order(StringComparer.Ordinal).Last();
        long cells = new FileInfo(segment).Length / CellBytes;
        for (int first = 0; first < Spacing; first++)
        {
            Dictionary<string, long> flipped = [];
            for (long cell = first; cell < cells; cell += Spacing)
            {
                flipped.TryAdd(IdOf(segment, cell * CellBytes, CellBytes), cell * CellBytes);
                Flip(segment, cell * CellBytes + CellBytes / 2);
            }
            ILookup<string, JsonElement> damage = (await DamagedAsync(folder)).SelectMany(d => d.GetProperty("cells").EnumerateArray(), (d, id) =>
                (Id: id.GetString()!, Damage: d)).ToLookup(d => d.Id, d => d.Damage);
            foreach (long at in flipped.Values)
                Flip(segment, at + CellBytes / 2);
            // Where tables were hit too, more may be damaged than was said: each is tried alone.
            foreach ((string id, long at) in flipped.Where(f => damage[f.Key].Any() && damage[f.Key].All(IsWanted)))
            {
                Flip(segment, at + CellBytes / 2);
                if (await DamagedAsync(folder) is { Count: > 0 } alone && alone.All(IsWanted))
                    return;
                Flip(segment, at + CellBytes / 2);
            }
        }
        Assert.Fail("No cell was found that is of the wanted memory alone.");

        bool IsWanted(JsonElement damage)
        {
            if (damage.GetProperty("file").GetString() != "memory")
                return false;
            long from = damage.GetProperty("chunk").GetInt64(), to = damage.GetProperty("last").GetInt64();
            return Enumerable.Range((int)from, (int)(to - from + 1)).All(chunk => wanted(chunk));
        }
    }

    private static async Task<IReadOnlyList<JsonElement>> DamagedAsync(string folder) =>
        [.. (await CliRunner.PodKeeper.RunAsync(["verify", folder, "--deep", "--json"])).Json.GetProperty("deep").GetProperty("damaged").EnumerateArray()];

    private static string IdOf(string segment, long at, int cellBytes)
    {
        using SafeFileHandle file = File.OpenHandle(segment);
        byte[] cell = new byte[cellBytes];
        _ = RandomAccess.Read(file, cell, at);
        return CellId.Of(cell).ToString();
    }

    private static void Flip(string path, long at)
    {
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = at;
        int value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ 1));
    }
}
