using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>Rule 14 with the real guest: a second visit fetches less until the guest answers than a first.</summary>
public sealed class FirstUseTests(BasePod pod)
{
    // H-150: thirty seconds at most, and what a loaded machine adds.
    private static readonly TimeSpan FirstUseMax = TimeSpan.FromMinutes(4);

    [Fact]
    [Trait("Spec", "H-150")]
    [Trait("Spec", "H-151")]
    public async Task A_second_resume_fetches_fewer_cells_until_the_guest_answers_than_the_first_and_a_leave_changes_nothing_of_it()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        (string Visit, string End)[] visits = [("first", "suspend"), ("second", "leave"), ("third", "suspend"), ("fourth", "suspend")];
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

    // The log goes on from visit to visit.
    private static async Task<JsonElement> NotedAsync(TestSession session, int visit)
    {
        for (long started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < FirstUseMax;)
        {
            string[] lines = [.. (await File.ReadAllLinesAsync(Path.Join(session.RunFolder, "log"), TestContext.Current.CancellationToken))
                .Where(line => line.Contains("First use:", StringComparison.Ordinal))];
            if (lines.Length == visit)
                return JsonDocument.Parse(lines[^1]).RootElement;
            await Task.Delay(200, TestContext.Current.CancellationToken);
        }
        throw new TimeoutException("The first use does not end.");
    }

    private static async Task<long> CellsAsync(TestSession session) => (await session.StatusAsync()).GetProperty("cells_fetched").GetInt64();
}
