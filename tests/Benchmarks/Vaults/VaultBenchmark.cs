using System.Globalization;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Peers;
using VmPod.Benchmarks.Report;
using VmPod.Testing;

namespace VmPod.Benchmarks.Vaults;

/// <summary>Saves all generations in order and restores the last, with this vault, restic, borg and cp, one after the other at each step.</summary>
internal sealed class VaultBenchmark : IBenchmark
{
    private const double Mi = 1 << 20;

    /// <inheritdoc/>
    public string Name => "vault";

    /// <inheritdoc/>
    public string Purpose => "save and restore against restic, borg and cp";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var work = new TempFolder();
        SessionSet sessions = SessionSet.Open(options, work.FullPath);
        using var ours = new VaultTool();
        ISnapshotTool[] tools = [ours, new ResticTool(), new BorgTool(), new CopyTool()];
        var rounds = new List<RoundResult>();
        for (int i = 0; i < options.Rounds; i++)
        {
            string folder = work.Sub(string.Create(CultureInfo.InvariantCulture, $"round{i}"));
            rounds.Add(new Round(tools, ours, sessions, folder, options.Log).Run());
            Directory.Delete(folder, recursive: true);
        }

        var report = new BenchReport(Name);
        report.Tables.Add(Times(rounds, sessions));
        report.Tables.Add(Bytes(rounds[0], sessions, options.Log));
        report.Tables.Add(Memory(rounds, sessions));
        foreach (ISnapshotTool tool in tools)
            report.Versions[tool.Name] = tool.Version;
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture,
            $"Sessions: {sessions.Source}. {options.Rounds} round(s), medians; {Environment.ProcessorCount} CPUs; caches warm; sync -f "
                + $"(ours: fsync) is counted for all."));
        report.Notes.Add("vmpod runs in this process, without the time of its passphrase (Argon2id, 64 MiB); the peers' times contain "
            + "theirs, shown in the last table.");
        report.Notes.Add("'first save' is generation 0; cp writes its copy anew each time; ratio = vmpod / faster of restic and borg; for "
            + "get, vmpod / cp is the target's ratio.");
        return report;
    }

    private static BenchTable Times(List<RoundResult> rounds, SessionSet sessions)
    {
        var table = new BenchTable("Save and restore: seconds by the clock (CPU seconds)", "step", "vmpod", "restic", "borg", "cp",
            "ratio to faster peer", "in CPU s", "vmpod / cp", "target");
        int steps = sessions.Folders.Count + 1;
        for (int step = 0; step < steps; step++)
        {
            Timing[] t = [.. Enumerable.Range(0, 4).Select(tool => Timing.Median(rounds.Select(r => r.Timings[step, tool])))];
            bool isGet = step == steps - 1;
            string name = isGet ? $"get gen{step - 1}" : step == 0 ? "put gen0 (first)" : $"put gen{step} on gen{step - 1}";
            string target = isGet ? "cp <= 1.2" : step == 0 ? "<= 0.50" : step == steps - 2 ? "<= 0.25" : "";
            table.Add(name, Text(t[0]), Text(t[1]), Text(t[2]), Text(t[3]), t[0].WallS / Math.Min(t[1].WallS, t[2].WallS),
                t[0].CpuS / Math.Min(t[1].CpuS, t[2].CpuS),
                t[0].WallS / t[3].WallS, target);
        }
        return table;
    }

    private static string Text(Timing t) => string.Create(CultureInfo.InvariantCulture, $"{t.WallS:0.00} ({t.CpuS:0.00})");

    private static BenchTable Bytes(RoundResult round, SessionSet sessions, TextWriter log)
    {
        var table = new BenchTable("Bytes added, MiB", "generation", "floor", "small files", "vmpod", "restic", "borg", "vmpod / floor",
            "restic / floor", "borg / floor");
        var floor = new PageFloor();
        double[] sums = new double[5];
        for (int g = 0; g < sessions.Folders.Count; g++)
        {
            log.WriteLine($"floor of gen{g}");
            (long pages, long small) = floor.Next(sessions.Folders[g]);
            double[] row = [pages / Mi, small / Mi, round.Added[g, 0] / Mi, round.Added[g, 1] / Mi, round.Added[g, 2] / Mi];
            AddRow(table, $"gen{g}", row);
            for (int i = 0; i < sums.Length; i++)
                sums[i] += row[i];
        }
        AddRow(table, "all", sums);
        return table;
    }

    private static void AddRow(BenchTable table, string name, double[] row)
    {
        double least = row[0] + row[1];
        table.Add(name, row[0], row[1], row[2], row[3], row[4], row[2] / least, row[3] / least, row[4] / least);
    }

    private static BenchTable Memory(List<RoundResult> rounds, SessionSet sessions)
    {
        var table = new BenchTable("Peak memory of vmpod (VmHWM of the step), and what opening a repository costs", "what", "value", "unit", "target");
        for (int step = 0; step <= sessions.Folders.Count; step++)
        {
            string name = step < sessions.Folders.Count ? $"put gen{step}" : "get";
            table.Add(name, rounds.Max(r => r.PeakMiB[step]), "MiB", "<= 256");
        }
        foreach ((string name, int tool) in new[] { ("vmpod: Argon2id, 64 MiB", 0), ("restic: cat config", 1), ("borg: list", 2) })
            table.Add(name, Timing.Median(rounds.Select(r => r.Unlock[tool])).WallS, "s", null);
        return table;
    }
}
