using System.Globalization;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.Testing;
using VmPod.Vault;

namespace VmPod.Benchmarks.Suspend;

/// <summary>D8, "suspend through the mount": a line through times of suspends by what is dirty, for a small and a large disk. To be run as root.</summary>
internal sealed class SuspendBenchmark : IBenchmark
{
    // DESIGN.md section 8.
    private const double StartMostS = 0.3, SlopeMostMs = 10, DisksApartMost = 1.2;

    private const int CurvePoints = 30;

    private static readonly (string Name, long Bytes)[] Disks = [("4 GiB", 4L << 30), ("64 GiB", 64L << 30)];

    /// <inheritdoc/>
    public string Name => "suspend";

    /// <inheritdoc/>
    public string Purpose => "time of a suspend through the mount, by dirty RAM and by size of the disk";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        SuspendSize size = options.Quick ? SuspendSize.Quick : SuspendSize.Full;
        using var work = new TempFolder();
        var all = new Dictionary<string, List<SuspendTimes>>();
        var sessions = new Dictionary<string, MountedSession>();
        try
        {
            foreach ((string name, long bytes) in Disks)
            {
                options.Log.WriteLine($"disk of {name}: making it");
                sessions[name] = new MountedSession(work[name], size, bytes);
                all[name] = [];
                // Gives the RAM a past, and lets the JIT do its work.
                _ = sessions[name].DirtyAndSuspend((long)size.DirtyMiB[^1] << 20, 0);
            }
            // Turn by turn, so that what else runs slows both alike.
            for (int round = 1; round <= Math.Max(size.Rounds, options.Rounds); round++)
            {
                foreach (int mebibytes in size.DirtyMiB)
                {
                    // Who comes first would be who wakes the CPUs.
                    foreach ((string name, MountedSession session) in round % 2 == 0 ? sessions : sessions.Reverse())
                    {
                        SuspendTimes times = session.DirtyAndSuspend((long)mebibytes << 20, round);
                        all[name].Add(times);
                        options.Log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"disk of {name}, {mebibytes} MiB: {times.Seconds:0.000} s"));
                    }
                }
            }
        }
        finally
        {
            foreach (MountedSession session in sessions.Values)
                session.Dispose();
        }
        return Report(all, size);
    }

    private BenchReport Report(Dictionary<string, List<SuspendTimes>> all, SuspendSize size)
    {
        var report = new BenchReport(Name);
        var fits = new BenchTable("Fit: t = a + b x dirty, by least squares over all suspends", "disk", "suspends", "a s", "target a", "b ms/MiB", "target b",
            "CPU a s", "CPU b ms/MiB");
        var plot = new LinePlot("Suspend through the mount: medians, and fits through all", "MiB of RAM made dirty", "seconds until all is durable");
        foreach ((string name, List<SuspendTimes> times) in all)
        {
            LineFit fit = LineFit.Of([.. times.Select(t => (t.DirtyMiB, t.Seconds))]);
            LineFit cpu = LineFit.Of([.. times.Select(t => (t.DirtyMiB, t.CpuS))]);
            var start = new Target($"disk of {name}: a", fit.Start, StartMostS, "s");
            var slope = new Target($"disk of {name}: b", fit.Slope * 1000, SlopeMostMs, "ms/MiB");
            report.Targets.AddRange([start, slope]);
            fits.Add(name, times.Count, fit.Start, start.Verdict, fit.Slope * 1000, slope.Verdict, cpu.Start, cpu.Slope * 1000);
            int colour = all.Keys.ToList().IndexOf(name);
            plot.Add(new LineSeries($"disk of {name}", [.. size.DirtyMiB.Select(d => ((double)d, Median(times, d, t => t.Seconds)))], colour));
            plot.Add(new LineSeries($"fit, {name}", Curve(fit.At), colour, IsMeasured: false));
        }
        plot.Add(new LineSeries("target", Curve(new LineFit(StartMostS, SlopeMostMs / 1000).At), 5, IsMeasured: false));

        var table = new BenchTable("Suspends by what is dirty: medians", "dirty MiB", "disk", "fsync of RAM s", "commit s", "sum s", "CPU s", "cells MiB",
            "dirty in the page cache MiB", "in the overlay MiB");
        foreach (int dirty in size.DirtyMiB)
        {
            foreach ((string name, List<SuspendTimes> times) in all)
            {
                table.Add(dirty, name, Median(times, dirty, t => t.SyncS), Median(times, dirty, t => t.CommitS), Median(times, dirty, t => t.Seconds),
                    Median(times, dirty, t => t.CpuS), Median(times, dirty, t => t.CellBytes) / (1 << 20), Median(times, dirty, t => t.InCacheMiB),
                    Median(times, dirty, t => t.InOverlayMiB));
            }
        }
        var apart = new BenchTable($"Disk of {Disks[1].Name} / disk of {Disks[0].Name}, suspend by suspend", "dirty MiB", "median ratio");
        List<double> ratios = [.. size.DirtyMiB.Select(d => Statistics.Percentile(
            Of(all[Disks[1].Name], d).Zip(Of(all[Disks[0].Name], d), (large, small) => large.Seconds / small.Seconds), 50))];
        foreach ((int dirty, double ratio) in size.DirtyMiB.Zip(ratios))
            apart.Add(dirty, ratio);
        report.Targets.Add(new Target($"disk of {Disks[1].Name} / of {Disks[0].Name}: median ratio, the worst by what is dirty",
            ratios.Max(r => Math.Max(r, 1 / r)), DisksApartMost));
        report.Tables.AddRange([fits, table, apart]);
        report.Plots.Add(plot);
        report.Versions["vmpod"] = typeof(PodVault).Assembly.GetName().Version!.ToString(3);
        report.Notes.Add($"The clock runs over fsync of the RAM file and the commit of a checkpoint. RAM of {size.RamBytes >> 20} MiB, "
            + $"{size.DiskUsedBytes >> 20} MiB used on each disk; runs of {Dirtier.RunBytes >> 10} KiB at random pages, half of each page random. "
            + "No hypervisor, no device state.");
        report.Notes.Add("The kernel writes back while pages are made dirty, for any FUSE mount; what it took stands in the last column, and the overlay "
            + "holds all of it here, so that all is sealed while the clock runs. hostguard's overlay seals early what exceeds 128 MiB: its suspends have less "
            + "left to do.");
        return report;

        // On logarithmic axes a line is none. Where a fit goes below 0 it has no place.
        List<(double, double)> Curve(Func<double, double> at) => [.. Enumerable.Range(0, CurvePoints + 1)
            .Select(i => size.DirtyMiB[0] * Math.Pow(size.DirtyMiB[^1] / (double)size.DirtyMiB[0], i / (double)CurvePoints))
            .Select(x => (x, at(x))).Where(p => p.Item2 > 0)];
    }

    private static double Median(List<SuspendTimes> times, int dirtyMiB, Func<SuspendTimes, double> of) =>
        Statistics.Percentile(Of(times, dirtyMiB).Select(of), 50);

    private static IEnumerable<SuspendTimes> Of(List<SuspendTimes> times, int dirtyMiB) => times.Where(t => (int)t.DirtyMiB == dirtyMiB);
}
