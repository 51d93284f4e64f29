using VmPod.Vault.Cells;

namespace VmPod.Vault.Tests.Crash;

/// <summary>
/// Power cuts (SECURITY.md R1, R2): every workload of three steps, cut before every call, in every state that the model of a disk allows. VMPOD_SOAK=50
/// takes fifty times as many states.
/// </summary>
[Trait("Threat", "T-13")]
public sealed class CrashStateTests(ITestOutputHelper output)
{
    private const int Seed = 20261123, Steps = 3, StatesPerCut = 1000, WorkloadsMin = 200;
    private const long StatesMin = 2_000_000;

    [Fact]
    [Trait("Spec", "V-60")]
    [Trait("Spec", "V-62")]
    [Trait("Spec", "V-63")]
    [Trait("Spec", "V-64")]
    [Trait("Spec", "V-66")]
    public void No_acknowledged_commit_is_lost_in_any_state_that_a_power_cut_can_leave()
    {
        var judge = new CrashJudge();
        string[] names = [.. CrashWorkload.Names(Steps)];
        long states = 0, calls = 0;
        var violations = new System.Collections.Concurrent.ConcurrentBag<string>();
        Parallel.For(0, names.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            CrashWorkload workload = CrashWorkload.Record(names[i], isEmpty: i % 2 == 0);
            CrashModel.Result result = CrashModel.Explore(workload, judge, StatesPerCut * Soak.Rounds, Seed);
            Interlocked.Add(ref states, result.States);
            Interlocked.Add(ref calls, workload.Moments.Count);
            foreach (string violation in result.Violations)
                violations.Add(violation);
        });
        output.WriteLine($"{names.Length} workloads, {calls} calls, {states} states, {judge.Opened} opened with the store, {violations.Count} violations");
        Assert.Empty(violations);
        Assert.True(names.Length >= WorkloadsMin && states >= StatesMin, $"{names.Length} workloads, {states} states");
    }

    [Fact]
    [Trait("Spec", "V-189")]
    public void A_mirror_has_its_old_head_or_the_new_one_whole_in_any_state_that_a_power_cut_can_leave()
    {
        var judge = new CrashJudge();
        CrashWorkload[] workloads = [CrashWorkload.RecordMirror(1, 1), CrashWorkload.RecordMirror(2, 3), CrashWorkload.RecordMirror(4, 1, 2)];
        long states = 0;
        foreach (CrashWorkload workload in workloads)
        {
            CrashModel.Result result = CrashModel.Explore(workload, judge, StatesPerCut * Soak.Rounds, Seed);
            states += result.States;
            Assert.Empty(result.Violations);
        }
        output.WriteLine($"{states} states, {judge.Opened} opened with the store");
        Assert.True(states > 10_000);
        // What holds it: without any one of these syncs there is a cut that loses a head, or gives one that is not whole.
        foreach (string file in (string[])["v1/segments/000000.seg", "v1/log", "v1/slots.bin.new"])
        {
            bool IsKept(CrashWorkload.Moment m) => m.Operation.Kind != DiskOperationKind.Sync || m.Operation.Name != file;
            Assert.Contains(workloads, w => CrashModel.Explore(w.Changed(all => all.Where(IsKept)), judge, 100, Seed).Violations.Count > 0);
        }
    }

    [Fact]
    [Trait("Spec", "V-60")]
    public void Every_store_that_does_one_thing_wrong_is_caught_or_it_is_said_why_it_loses_nothing()
    {
        var judge = new CrashJudge();
        // The shortest that show each of them, and a few that do everything.
        string[] names = ["p", "pp", "cc", "lp", "Tc", "apT", "aDp", "prp", "lcpT"];
        CrashWorkload[] workloads = [.. names.Select(name => CrashWorkload.Record(name, isEmpty: true))];
        var wrong = new List<string>();
        int caught = 0;
        foreach (CrashMutant mutant in CrashMutant.All)
        {
            string? violation = null;
            foreach (CrashWorkload workload in workloads)
            {
                CrashModel.Result result = CrashModel.Explore(workload.Changed(mutant.Change), judge, 100, Seed);
                violation = result.Violations is [var first, ..] ? first : null;
                if (violation is not null)
                    break;
            }
            output.WriteLine($"{mutant.Name}: {violation ?? $"not caught. {mutant.Harmless}"}");
            if (violation is null != mutant.Harmless is not null)
                wrong.Add($"{mutant.Name}: {violation ?? "not caught"}");
            caught += violation is null ? 0 : 1;
        }
        output.WriteLine($"{CrashMutant.All.Count} mutants, {caught} caught, {CrashMutant.All.Count - caught} explained");
        Assert.Empty(wrong);
        Assert.True(caught >= 20, $"{caught}");
    }
}
