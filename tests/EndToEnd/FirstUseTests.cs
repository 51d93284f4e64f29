using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>Rule 14 with the real guest: a second visit fetches less until the guest answers than a first.</summary>
public sealed class FirstUseTests(BasePod pod)
{
    // H-150: thirty seconds and sixty of waiting for cells, and what a loaded machine adds.
    private static readonly TimeSpan FirstUseMax = TimeSpan.FromMinutes(4);

    [Fact]
    [Trait("Spec", "H-150")]
    [Trait("Spec", "H-151")]
    public async Task A_second_resume_fetches_fewer_cells_until_the_guest_answers_than_the_first_and_a_leave_changes_nothing_of_it()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        (string Visit, string End)[] visits = [("first", "suspend"), ("second", "leave"), ("third", "suspend")];
        var fetched = new List<long>();
        foreach ((string visit, string end) in visits)
        {
            await using TestSession session = await served.Host.StartAsync("resume", BasePod.Session, []);
            fetched.Add(await CellsAsync(session));
            JsonElement noted = await NotedAsync(session, fetched.Count);
            // The judgement reads 48 MiB of the guest's memory.
            Assert.True((await pod.JudgeAsync(session.Agent)).Unbroken);
            IReadOnlyList<int> processes = session.Processes;
            long added = (await session.EndAsync(end)).GetProperty("bytes_added").GetInt64();
            await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
            TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{visit} visit: {fetched[^1]} cells until the answer, after {session.FirstAnswerAfter.TotalSeconds:0.00} s; "
                    + $"first use: {noted.GetProperty("Pages")} pages that stood in {noted.GetProperty("Cells")} cells; {end} added {added >> 10} KiB"));
        }
        Assert.All(fetched.Skip(1), cells => Assert.True(cells < fetched[0], $"{cells} cells in place of {fetched[0]}"));
        await served.KillServerAsync();
        Assert.Empty((await served.OnPodAsync("verify", served.Pod, "--deep", "--pin-file", pod.PinFile)).GetProperty("damaged").EnumerateArray());
    }

    [Fact]
    [Trait("Spec", "H-152")]
    public async Task A_rehearsal_keeps_what_is_read_first_together_and_nothing_that_the_machine_did()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        int before = await GenerationsAsync(served);
        JsonElement rehearsed = (await served.Host.RunAsync(["rehearse", BasePod.Session, "--pod", served.Host.Pod, "--allow-emulation"]))
            .GetProperty("result");
        Assert.True(rehearsed.GetProperty("bytes_added").GetInt64() > 0, rehearsed.ToString());
        Assert.Equal("rehearsal", rehearsed.GetProperty("receipt").GetProperty("reason").GetString());
        Assert.False(rehearsed.GetProperty("receipt").TryGetProperty("residue", out _));
        Assert.Equal(before + 1, await GenerationsAsync(served));

        await using TestSession session = await served.Host.StartAsync("resume", BasePod.Session, []);
        long fetched = await CellsAsync(session);
        Assert.Equal(rehearsed.GetProperty("generation").GetUInt64(), (await session.StatusAsync()).GetProperty("generation").GetUInt64());
        // The machine goes on from where it was suspended, not from where the rehearsal left it.
        WitnessVerdict verdict = await pod.JudgeAsync(session.Agent);
        Assert.True(verdict.Unbroken, verdict.ToString());
        Assert.Equal(pod.Work, await GuestWork.LookAsync(session.Agent));
        _ = await NotedAsync(session, visit: 2);
        long apart = (await AllNotedAsync(session))[0].GetProperty("Cells").GetInt64();
        Assert.True(fetched < apart, $"{fetched} cells until the answer; what was read first stood in {apart}.");
        await PodCopy.EndAsync(session);
    }

    private static async Task<int> GenerationsAsync(ServedPod served) =>
        (await served.OnPodAsync("sessions", served.Pod, BasePod.Session)).GetProperty("sessions")[0].GetProperty("generations").GetArrayLength();

    private static async Task<IReadOnlyList<JsonElement>> AllNotedAsync(TestSession session) =>
        [.. (await File.ReadAllLinesAsync(Path.Join(session.RunFolder, "log"), TestContext.Current.CancellationToken))
            .Where(line => line.Contains("First use:", StringComparison.Ordinal)).Select(line => JsonDocument.Parse(line).RootElement)];

    // The log goes on from visit to visit.
    private static async Task<JsonElement> NotedAsync(TestSession session, int visit)
    {
        for (long started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < FirstUseMax;)
        {
            if (await AllNotedAsync(session) is var noted && noted.Count == visit)
                return noted[^1];
            await Task.Delay(200, TestContext.Current.CancellationToken);
        }
        throw new TimeoutException("The first use does not end.");
    }

    private static async Task<long> CellsAsync(TestSession session) => (await session.StatusAsync()).GetProperty("cells_fetched").GetInt64();
}
