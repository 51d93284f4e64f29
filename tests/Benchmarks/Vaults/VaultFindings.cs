using System.Globalization;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;

namespace VmPod.Benchmarks.Vaults;

/// <summary>Targets, tables and plots of the rounds of <see cref="VaultBenchmark"/>.</summary>
/// <param name="report">Where they go.</param>
/// <param name="floors">The least bytes of each generation.</param>
internal sealed class VaultFindings(BenchReport report, List<(long Pages, long Small)> floors)
{
    private const double Mi = 1 << 20;

    // Ours, the two peers, and cp, in the order of the tools.
    private static readonly string[] Tools = ["vmpod", "restic", "borg", "cp"];

    // DESIGN.md section 8.
    private const double FirstSaveMost = 0.50, LightSaveMost = 0.25, RestoreMost = 1.2, FloorMost = 1.10, WholeVaultMost = 0.5, FirstStoredMost = 1.0,
        PeakMostMiB = 256, FillLeastPercent = 97, FilledCommitLeastMiB = 1;

    private int Generations => floors.Count;

    /// <summary>Adds everything.</summary>
    public void AddAll(List<RoundResult> warm, List<RoundResult>? cold)
    {
        AddBytes(warm[0]);
        AddFill(warm[0]);
        AddTimes(warm, "caches warm");
        if (cold is not null)
            AddTimes(cold, "caches cold");
        AddMemory([.. warm, .. cold ?? []]);
    }

    private void AddTimes(List<RoundResult> rounds, string caches)
    {
        var table = new BenchTable($"Save and restore, {caches}: seconds by the clock (CPU seconds)", "step", "vmpod", "restic", "borg", "cp",
            "ratio to faster peer", "in CPU s", "vmpod / cp", "target");
        var seconds = new BarPlot($"Save and restore, {caches}", "seconds by the clock", Tools);
        var ratios = new BarPlot($"Time by the clock, {caches}", "vmpod / faster peer (restore: vmpod / cp)", "vmpod");
        for (int step = 0; step <= Generations; step++)
        {
            Timing[] t = [.. Enumerable.Range(0, Tools.Length).Select(tool => Timing.Median(rounds.Select(r => r.Timings[step, tool])))];
            bool isGet = step == Generations;
            string name = isGet ? $"get gen{step - 1}" : step == 0 ? "put gen0 (first)" : $"put gen{step} on gen{step - 1}";
            double toPeer = t[0].WallS / Math.Min(t[1].WallS, t[2].WallS), toCopy = t[0].WallS / t[3].WallS;
            Target? target = isGet ? new Target($"restore, {caches}: vmpod / cp", toCopy, RestoreMost)
                : step == 0 ? new Target($"first save, {caches}: vmpod / faster peer", toPeer, FirstSaveMost)
                : step == Generations - 1 ? new Target($"light save (gen{step} on gen{step - 1}), {caches}: vmpod / faster peer", toPeer, LightSaveMost)
                : null;
            if (target is not null)
                report.Targets.Add(target);
            table.Add(name, Text(t[0]), Text(t[1]), Text(t[2]), Text(t[3]), toPeer, t[0].CpuS / Math.Min(t[1].CpuS, t[2].CpuS), toCopy,
                target?.Verdict);
            seconds.Add(name, [.. t.Select(one => (double?)one.WallS)]);
            ratios.Add(name, [isGet ? toCopy : toPeer], target?.Bound);
        }
        report.Tables.Add(table);
        report.Plots.Add(seconds);
        report.Plots.Add(ratios);
    }

    private static string Text(Timing t) => string.Create(CultureInfo.InvariantCulture, $"{t.WallS:0.00} ({t.CpuS:0.00})");

    private void AddBytes(RoundResult round)
    {
        var table = new BenchTable("Bytes added, MiB", "generation", "floor", "small files", "vmpod", "restic", "borg", "vmpod / floor",
            "restic / floor", "borg / floor", "target");
        var plot = new BarPlot("Bytes added", "ratio to the floor", "vmpod", "restic", "borg");
        double[] sums = new double[5];
        for (int g = 0; g < Generations; g++)
        {
            double[] row = [floors[g].Pages / Mi, floors[g].Small / Mi, round.Added[g, 0] / Mi, round.Added[g, 1] / Mi, round.Added[g, 2] / Mi];
            var target = new Target($"bytes added by gen{g} / floor", row[2] / (row[0] + row[1]), FloorMost);
            report.Targets.Add(target);
            AddRow($"gen{g}", row, target);
            for (int i = 0; i < sums.Length; i++)
                sums[i] += row[i];
        }
        AddRow("all", sums, null);
        report.Tables.Add(table);
        report.Plots.Add(plot);
        report.Targets.Add(new Target("gen0 stored / the smaller peer", round.Added[0, 0] / (double)Math.Min(round.Added[0, 1], round.Added[0, 2]),
            FirstStoredMost));
        report.Targets.Add(new Target($"whole vault after {Generations} generations / the smallest peer", sums[2] / Math.Min(sums[3], sums[4]),
            WholeVaultMost));

        void AddRow(string name, double[] row, Target? target)
        {
            double least = row[0] + row[1];
            table.Add(name, row[0], row[1], row[2], row[3], row[4], row[2] / least, row[3] / least, row[4] / least, target?.Verdict);
            plot.Add(name, [row[2] / least, row[3] / least, row[4] / least], target?.Bound);
        }
    }

    private void AddFill(RoundResult round)
    {
        var table = new BenchTable("Fill of the cells of each put: bytes used / capacity", "put", "MiB of cells", "fill %", "target");
        var plot = new BarPlot("Fill of the cells of each put", "percent of their capacity", "vmpod");
        for (int g = 0; g < Generations; g++)
        {
            double mebibytes = round.Added[g, 0] / Mi, percent = round.Fill[g] * 100;
            Target? target = mebibytes < FilledCommitLeastMiB ? null
                : new Target($"fill of the cells of gen{g}", percent, FillLeastPercent, "%", IsLeast: true);
            if (target is not null)
                report.Targets.Add(target);
            table.Add($"gen{g}", mebibytes, percent, target?.Verdict ?? "below 1 MiB");
            plot.Add($"gen{g}", [percent], target?.Bound);
        }
        report.Tables.Add(table);
        report.Plots.Add(plot);
    }

    private void AddMemory(List<RoundResult> rounds)
    {
        var table = new BenchTable("Peak memory of vmpod (VmHWM of the step), and what opening a repository costs", "what", "value", "unit", "target");
        var plot = new BarPlot("Peak memory", "MiB (VmHWM of the step)", "vmpod");
        for (int step = 0; step <= Generations; step++)
        {
            string name = step < Generations ? $"put gen{step}" : "get";
            var target = new Target($"peak memory, {name}", rounds.Max(r => r.PeakMiB[step]), PeakMostMiB, "MiB");
            report.Targets.Add(target);
            table.Add(name, target.Value, "MiB", target.Verdict);
            plot.Add(name, [target.Value], target.Bound);
        }
        foreach ((string name, int tool) in new[] { ("vmpod: Argon2id, 64 MiB", 0), ("restic: cat config", 1), ("borg: list", 2) })
            table.Add(name, Timing.Median(rounds.Select(r => r.Unlock[tool])).WallS, "s", null);
        report.Tables.Add(table);
        report.Plots.Add(plot);
    }
}
