using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using VmPod.PodKeeper.Tests.Audit;
using Xunit;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>
/// Worlds from seeds (SECURITY.md R12). A seed that failed once is kept in Simulation/seeds.txt, and always run. VMPOD_SOAK=N runs N times as many;
/// VMPOD_SEED=N begins with that seed, instead of the usual one.
/// </summary>
[Trait("Threat", "T-13")]
public sealed class SimulationTests
{
    private const int Steps = 500, Usual = 32, WordsOfAFailure = 200;
    private const ulong First = 20_261_123;

    private static int Rounds => Number("VMPOD_SOAK") is { } rounds ? (int)rounds : 1;

    [Fact]
    public void Whatever_is_lost_and_whenever_the_power_goes_nothing_that_was_acknowledged_is_lost_and_in_the_end_all_comes_right()
    {
        ulong[] seeds = [.. Kept().Concat(Enumerable.Range(0, Usual * Rounds).Select(i => (Number("VMPOD_SEED") ?? First) + (ulong)i)).Distinct()];
        var failures = new ConcurrentBag<string>();
        long steps = 0, boots = 0, commits = 0, forks = 0;
        var since = Stopwatch.StartNew();
        Parallel.ForEach(seeds, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed =>
        {
            using var world = new SimWorld(seed, Planted.None, keepsLines: false);
            try
            {
                world.Run(Steps);
            }
            catch (SimViolationException)
            {
                failures.Add(Tell(seed, Planted.None));
            }
            Interlocked.Add(ref steps, world.Steps);
            Interlocked.Add(ref boots, world.Boots);
            Interlocked.Add(ref commits, world.Commits);
            Interlocked.Add(ref forks, world.Forks);
        });
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{seeds.Length} seeds, {steps} steps, {commits} commits, {forks} forks, {boots} ends of the pod, {since.Elapsed.TotalSeconds:0.0} s"));
        Assert.True(failures.IsEmpty, string.Join('\n', failures.Select(f => f.Split('\n')[0])) + "\n\n" + failures.FirstOrDefault());
        // It was a world in which something happened.
        Assert.True(commits > 5 * seeds.Length && boots > seeds.Length && forks > 0, $"{commits} commits, {boots} ends of the pod, {forks} forks");
    }

    [Fact]
    public void A_seed_is_the_same_world_each_time()
    {
        foreach (ulong seed in new ulong[] { 1, 2, 3 })
        {
            (ulong Trace, int Steps)[] runs = [.. Enumerable.Range(0, 2).Select(_ =>
            {
                using var world = new SimWorld(seed, Planted.None, keepsLines: false);
                world.Run(Steps);
                return (world.Trace, world.Steps);
            })];
            Assert.Equal(runs[0], runs[1]);
        }
    }

    [Fact]
    public void Every_planted_fault_is_caught()
    {
        var survivors = new ConcurrentBag<Planted>();
        var told = new ConcurrentBag<string>();
        var two = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.ForEach(Enum.GetValues<Planted>().Except([Planted.None]), two, planted =>
        {
            string? caught = null;
            int tried = 0;
            for (; caught is null && tried < Usual; tried++)
                caught = Violation(First + (ulong)tried, planted);
            told.Add($"{planted}: {caught ?? "not caught"} (seed {tried} of {Usual})");
            if (caught is null)
                survivors.Add(planted);
        });
        foreach (string line in told.Order(StringComparer.Ordinal))
            TestContext.Current.TestOutputHelper!.WriteLine(line);
        Assert.Empty(survivors);
    }

    private static string? Violation(ulong seed, Planted planted)
    {
        using var world = new SimWorld(seed, planted, keepsLines: false);
        try
        {
            world.Run(Steps);
            return null;
        }
        catch (SimViolationException e)
        {
            return e.Message;
        }
    }

    // The same world again, in words.
    private static string Tell(ulong seed, Planted planted)
    {
        using var world = new SimWorld(seed, planted, keepsLines: true);
        string what = "nothing, the second time: it is no function of its seed";
        try
        {
            world.Run(Steps);
        }
        catch (SimViolationException e)
        {
            what = $"{e.Message}\n{e.InnerException?.StackTrace ?? e.StackTrace}";
        }
        return $"seed {seed} (add it to Simulation/seeds.txt): {what}\n{string.Join('\n', world.Lines.TakeLast(WordsOfAFailure))}";
    }

    private static IEnumerable<ulong> Kept() =>
        File.ReadLines(Path.Combine(Repository.Root, "tests", "PodKeeper.Tests", "Simulation", "seeds.txt"))
            .Select(line => line.Split('#')[0].Trim()).Where(line => line.Length > 0).Select(line => ulong.Parse(line, CultureInfo.InvariantCulture));

    private static ulong? Number(string variable) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : null;
}
