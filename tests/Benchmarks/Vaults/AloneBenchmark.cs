using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Report;
using VmPod.Testing;

namespace VmPod.Benchmarks.Vaults;

/// <summary>What it costs to store chunks alone (`--oracle off`): the same generations put into a session of each kind.</summary>
internal sealed class AloneBenchmark : IBenchmark
{
    private const double Mi = 1 << 20;

    /// <inheritdoc/>
    public string Name => "alone";

    /// <inheritdoc/>
    public string Purpose => "bytes and time of sessions whose chunks are stored alone (--oracle off)";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var folder = new TempFolder();
        SessionSet sessions = SessionSet.Open(options, folder.FullPath);
        using var usual = new VaultTool();
        using var alone = new VaultTool { StoresAlone = true };
        usual.Create(folder["usual"]);
        alone.Create(folder["alone"]);
        var table = new BenchTable("Chunks stored alone", "generation", "usual MiB", "alone MiB", "ratio",
            "cells", "cells alone", "usual CPU s", "alone CPU s");
        double usualSum = 0, aloneSum = 0;
        for (int generation = 0; generation < sessions.Folders.Count; generation++)
        {
            double usualCpu = usual.Save(sessions.Folders[generation], generation).CpuS;
            double aloneCpu = alone.Save(sessions.Folders[generation], generation).CpuS;
            double usualMiB = usual.LastPut!.BytesAdded / Mi, aloneMiB = alone.LastPut!.BytesAdded / Mi;
            (usualSum, aloneSum) = (usualSum + usualMiB, aloneSum + aloneMiB);
            table.Add($"gen{generation}", usualMiB, aloneMiB, aloneMiB / usualMiB, usual.LastPut.CellsAdded, alone.LastPut.CellsAdded, usualCpu, aloneCpu);
        }
        table.Add("all", usualSum, aloneSum, aloneSum / usualSum, null, null, null, null);
        var report = new BenchReport(Name);
        report.Tables.Add(table);
        report.Notes.Add($"Data: {sessions.Source}.");
        return report;
    }
}
