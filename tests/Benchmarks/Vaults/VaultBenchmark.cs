using System.Globalization;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Peers;
using VmPod.Benchmarks.Report;
using VmPod.Testing;

namespace VmPod.Benchmarks.Vaults;

/// <summary>Saves all generations in order and restores the last, with this vault, restic, borg and cp, one after the other at each step.</summary>
internal sealed class VaultBenchmark : IBenchmark
{
    /// <inheritdoc/>
    public string Name => "vault";

    /// <inheritdoc/>
    public string Purpose => "save and restore against restic, borg and cp, caches warm and cold";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var work = new TempFolder();
        SessionSet sessions = SessionSet.Open(options, work.FullPath);
        using var ours = new VaultTool();
        ISnapshotTool[] tools = [ours, new ResticTool(), new BorgTool(), new CopyTool()];
        List<RoundResult> Rounds(bool isCold) => [.. Enumerable.Range(0, options.Rounds).Select(i =>
        {
            string folder = work.Sub(string.Create(CultureInfo.InvariantCulture, $"{(isCold ? "cold" : "warm")}{i}"));
            RoundResult result = new Round(tools, ours, sessions, folder, isCold, options.Log).Run();
            Directory.Delete(folder, recursive: true);
            return result;
        })];
        List<RoundResult> warm = Rounds(isCold: false);
        List<RoundResult>? cold = ColdCaches.WhyNot is null ? Rounds(isCold: true) : null;
        var floor = new PageFloor();
        List<(long Pages, long Small)> floors = [.. sessions.Folders.Select((folder, g) =>
        {
            options.Log.WriteLine($"floor of gen{g}");
            return floor.Next(folder);
        })];

        var report = new BenchReport(Name);
        new VaultFindings(report, floors).AddAll(warm, cold);
        foreach (ISnapshotTool tool in tools)
            report.Versions[tool.Name] = tool.Version;
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture,
            $"Sessions: {sessions.Source}. {options.Rounds} round(s), medians; {Environment.ProcessorCount} CPUs; sync -f (ours: fsync) is counted for all."));
        report.Notes.Add("vmpod runs in this process, without the time of its passphrase (Argon2id, 64 MiB); the peers' times contain "
            + "theirs, shown in the last table. The first round with warm caches pays for the JIT, which podkeeper, compiled before it runs, does not.");
        report.Notes.Add("'first save' is generation 0; cp writes its copy anew each time; ratio = vmpod / faster of restic and borg; for "
            + "get, vmpod / cp is the target's ratio.");
        report.Notes.Add(cold is null ? $"Cold caches were not measured: they cannot be dropped here ({ColdCaches.WhyNot})."
            : string.Create(CultureInfo.InvariantCulture,
                $"Cold: all page caches of this kernel dropped before each step, the programs themselves loaded again; at most "
                    + $"{cold.Max(r => r.CachedMiB):0.0} MiB of a session were in them when a save began. "
                    + $"A cache below this kernel (a hypervisor's, a disk's) is not dropped."));
        return report;
    }
}
