using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>The link goes down at random moments of a busy guest, again and again: the table in hostguard/README.md.</summary>
/// <remarks>
/// Each round begins from the last checkpoint, or by a boot of what the round before left. Some take a checkpoint before the cut, and some during it.
/// VMPOD_SOAK says how many rounds: two on a usual day, fifty for the table.
/// </remarks>
public sealed class LinkSoakTests(BasePod pod)
{
    // As in FarPodTests; how much less it usually is stands in the table.
    private const double StopSecondsMax = 8, KeysGoneSecondsMax = 16;

    private const int BootEvery = 10;

    private static readonly TimeSpan GoneMax = TestSession.GoneLimit;

    private readonly List<Round> rounds = [];
    private readonly List<string> late = [];
    private ulong checkpoint;
    private BusyGuest? left;

    [Fact]
    [Trait("Spec", "H-41")]
    [Trait("Threat", "T-21")]
    public async Task Whenever_the_link_goes_down_the_keys_go_the_residue_is_taken_and_no_checkpoint_is_lost()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        using TempFolder folder = new(inRam: true);
        for (int number = 1; number <= SoakRounds.Count; number++)
        {
            bool boot = number % BootEvery == 0 || (number == SoakRounds.Count && number > 1);
            var watch = Stopwatch.StartNew();
            Round round = await CutAsync(served, number, boot);
            await served.Net.PlugAsync();
            round = await ReuniteAsync(served, folder, round);
            rounds.Add(round with { Seconds = watch.Elapsed.TotalSeconds });
            SoakRounds.Say($"round {number}{(boot ? " (boot)" : "")}: {rounds[^1]}");
        }
        await using (TestSession last = await StartAsync(served, boot: false))
            await PodCopy.EndAsync(last);
        foreach (string line in Table())
            SoakRounds.Say(line);
        Assert.Empty(late);
    }

    // From the last checkpoint, whose witness must be whole; or from the disk that the round before left.
    private async Task<TestSession> StartAsync(ServedPod served, bool boot)
    {
        TestSession session = await served.Host.StartAsync(boot ? "boot" : "resume", BasePod.Session,
            ["--grace", "0", .. boot ? Array.Empty<string>() : ["--drop-disk-changes"]], TestContext.Current.CancellationToken);
        if (boot)
        {
            await session.Agent.WaitUntilBootedAsync(TestContext.Current.CancellationToken);
            Assert.Equal(left, await BusyGuest.LookInsideAsync(session));
            return session;
        }
        ulong generation = (await session.StatusAsync()).GetProperty("generation").GetUInt64();
        Assert.True(generation >= checkpoint, $"Checkpoint {checkpoint} was said to be on the pod; the session goes on from {generation}.");
        checkpoint = generation;
        WitnessVerdict verdict = await pod.JudgeAsync(session.Agent);
        Assert.True(verdict.Unbroken, verdict.ToString());
        return session;
    }

    private async Task<Round> CutAsync(ServedPod served, int number, bool boot)
    {
        await using TestSession session = await StartAsync(served, boot);
        IReadOnlyList<int> processes = session.Processes;
        await BusyGuest.StartAsync(session);
        _ = await BusyGuest.AcknowledgedAsync(session, more: 0);
        // A checkpoint of a booted machine would end the chain that the witness is judged by.
        Task<CliResult>? taking = null;
        if (!boot && number % 3 == 0)
            checkpoint = (await session.CheckpointAsync()).GetProperty("generation").GetUInt64();
        await WaitAsync(6);
        if (number % 2 == 0)
            _ = LookAtHeapAsync(session);
        long acknowledged = await BusyGuest.AcknowledgedAsync(session, more: 0);
        if (!boot && number % 3 == 1)
        {
            taking = served.Host.TryAsync(["checkpoint", BasePod.Session], cancellation: TestContext.Current.CancellationToken);
            await WaitAsync(1.5);
        }
        else
        {
            await WaitAsync(0.3);
        }
        var watch = Stopwatch.StartNew();
        long gone = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await served.Net.UnplugAsync();
        await TestSession.WaitUntilGoneAsync(processes, GoneMax, TestContext.Current.CancellationToken);
        double dead = watch.Elapsed.TotalSeconds;
        if (taking is not null && await taking is { ExitCode: 0 } taken)
            checkpoint = taken.Json.GetProperty("result").GetProperty("generation").GetUInt64();
        JsonElement receipt = JsonSerializer.Deserialize<JsonElement>(await File.ReadAllBytesAsync(session.ReceiptPath,
            TestContext.Current.CancellationToken));
        Assert.Equal("pod-gone", receipt.GetProperty("reason").GetString());
        bool saysLoss = receipt.GetProperty("not_guaranteed").EnumerateArray().Any(s => s.GetString()!.Contains("lost", StringComparison.Ordinal));
        bool saysResidue = receipt.TryGetProperty("residue", out JsonElement where) && where.ValueKind == JsonValueKind.String;
        var round = new Round(Since("cpus_stopped_ms"), Since("keys_gone_ms"), dead, acknowledged, saysResidue, saysLoss);
        Assert.InRange(round.KeysGone, round.Stop, dead);
        Assert.False(Directory.Exists(session.Mount));
        if (round.Stop > StopSecondsMax || round.KeysGone > KeysGoneSecondsMax)
        {
            // The next rounds may show whether it was chance: all are run, and the test fails at the end.
            late.Add($"round {number}: {round}");
            SoakRounds.Say($"too late: {receipt}\n{await File.ReadAllTextAsync(Path.Join(session.RunFolder, "log"))}");
        }
        return round;

        double Since(string moment) => (receipt.GetProperty(moment).GetInt64() - gone) / 1000.0;
    }

    private async Task<Round> ReuniteAsync(ServedPod served, TempFolder folder, Round round)
    {
        JsonElement waiting = await served.Host.RunAsync(["residues"]);
        Assert.Equal(round.SaysResidue ? 1 : 0, waiting.GetArrayLength());
        JsonElement handed = await served.Host.RunAsync(["residues", "--hand-in", served.Host.Pod]);
        Assert.All(handed.EnumerateArray(), r => Assert.Equal("taken", r.GetProperty("state").GetString()));
        Assert.Equal(waiting.GetArrayLength(), handed.GetArrayLength());
        Assert.Equal(0, (await served.Host.RunAsync(["residues"])).GetArrayLength());
        // A copy of the pod's folder, since the server holds the pod itself.
        string copy = folder["pod"];
        (await new CliRunner("/bin/cp").RunAsync(["-r", "--preserve=mode", "--sparse=always", served.Pod, copy])).MustSucceed();
        string disk = await TipDisk.TakeAsync(copy, pod.PinFile, BasePod.Session, folder["tip"]);
        Directory.Delete(copy, recursive: true);
        left = await BusyGuest.LookOutsideAsync(disk, folder.Sub("found"));
        File.Delete(disk);
        Assert.True(left.IsInOrder, $"{left}");
        long lost = Math.Max(0, round.Acknowledged - left.Highest);
        Assert.True(lost == 0 || round.SaysLoss, $"{round.Acknowledged} rows were acknowledged, {left.Highest} are there, and the receipt tells of no loss.");
        return round with { Lost = lost, ResidueBytes = handed.EnumerateArray().Sum(r => r.GetProperty("bytes").GetInt64()) };
    }

    // The guest reads its memory, much of which is still on the pod: its readers wait when the link goes.
    private static async Task LookAtHeapAsync(TestSession session)
    {
        try
        {
            _ = await session.Agent.HeapAsync(cancellation: TestContext.Current.CancellationToken);
        }
        catch (Exception e) when (e is IOException or TimeoutException or ObjectDisposedException or OperationCanceledException)
        {
            // The machine was stopped in the middle of it: that is the point.
        }
    }

    private static Task WaitAsync(double secondsMax) =>
        Task.Delay(TimeSpan.FromSeconds(Random.Shared.NextDouble() * secondsMax), TestContext.Current.CancellationToken);

    private IEnumerable<string> Table()
    {
        yield return "| rounds | residues kept and taken | receipts that tell of a loss | rows lost, of those acknowledged | longest round |";
        yield return "|---:|---:|---:|---:|---:|";
        yield return string.Create(CultureInfo.InvariantCulture, $"| {rounds.Count} | {rounds.Count(r => r.SaysResidue)} ({Residues()}) "
            + $"| {rounds.Count(r => r.SaysLoss)} | {rounds.Sum(r => r.Lost)} of {rounds.Sum(r => r.Acknowledged)} | {rounds.Max(r => r.Seconds):0} s |");
        yield return "| seconds from the cut | p50 | p99 | most |";
        yield return "|---|---:|---:|---:|";
        yield return Row("CPUs stopped", r => r.Stop);
        yield return Row("keys gone", r => r.KeysGone);
        yield return Row("every process dead", r => r.Dead);

        string Residues() => string.Create(CultureInfo.InvariantCulture, $"{rounds.Sum(r => r.ResidueBytes) / 1048576.0:0.0} MiB, at most "
            + $"{rounds.Max(r => r.ResidueBytes) / 1048576.0:0.0}");

        string Row(string what, Func<Round, double> of)
        {
            double[] sorted = [.. rounds.Select(of).Order()];
            return string.Create(CultureInfo.InvariantCulture, $"| {what} | {At(0.5):0.00} | {At(0.99):0.00} | {sorted[^1]:0.00} |");

            double At(double part) => sorted[(int)Math.Ceiling(part * sorted.Length) - 1];
        }
    }

    private sealed record Round(double Stop, double KeysGone, double Dead, long Acknowledged, bool SaysResidue, bool SaysLoss)
    {
        public long Lost { get; init; }

        public long ResidueBytes { get; init; }

        public double Seconds { get; init; }
    }
}
