using System.Globalization;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.Testing;
using VmPod.Vault.Format;

namespace VmPod.Benchmarks.Vaults;

/// <summary>One byte changed in a large sparse disk: what a put, or a commit of the mount, adds, also right after the map was rewritten.</summary>
internal sealed class OneByteBenchmark : IBenchmark
{
    private const int CellsMax = 3, PlainPuts = 20, PutsAfterRewrite = 4;
    private const string Nothing = "nothing changed";

    // Around these numbers of changed chunks a run of the map leaves the manifest and gets leaves of its own.
    private static readonly int[] Scattered = [150, 200, 300, 600, 1500];

    /// <inheritdoc/>
    public string Name => "one-byte";

    /// <inheritdoc/>
    public string Purpose => "cells added when one byte of a large disk changed";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var work = new TempFolder();
        long length = options.Quick ? 2L << 30 : 20L << 30, data = options.Quick ? 128L << 20 : 2L << 30;
        var disk = new SparseDisk(work.Sub("session"), length, data);
        options.Log.WriteLine($"making a disk of {length >> 30} GiB with {data >> 20} MiB of data");
        disk.Create();
        using var tool = new VaultTool();
        tool.Create(work["vault"]);
        var cells = new Dictionary<string, List<double>>();
        var seconds = new Dictionary<string, List<double>>();
        void Note(string what, long added, double wall)
        {
            (cells.TryGetValue(what, out List<double>? list) ? list : cells[what] = []).Add(added);
            (seconds.TryGetValue(what, out list) ? list : seconds[what] = []).Add(wall);
            options.Log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {added} cells, {wall:0.00} s"));
        }

        void Put(string what)
        {
            double wall = tool.Save(disk.Folder, 0).WallS;
            Note(what, tool.LastPut!.CellsAdded, wall);
        }

        Put("first put");
        Put(Nothing);
        for (int i = 0; i < PlainPuts; i++)
        {
            disk.ChangeBytes(1);
            Put("1 byte");
        }
        foreach (int count in Scattered)
        {
            disk.ChangeBytes(count);
            Put(string.Create(CultureInfo.InvariantCulture, $"{count} bytes in as many chunks (rewrites a run of the map)"));
            for (int i = 0; i < PutsAfterRewrite; i++)
            {
                disk.ChangeBytes(1);
                Put("1 byte, right after a run of the map was rewritten");
            }
        }

        OneByteThroughMount.Run(tool, (PlainPuts, PutsAfterRewrite), Scattered, Note);

        var report = new BenchReport(Name);
        var table = new BenchTable($"Cells added to a disk of {length >> 30} GiB with {data >> 20} MiB of data", "what", "times", "median cells",
            "most cells", "target", "median s");
        var plot = new BarPlot($"Cells added by a put or commit of one changed byte, disk of {length >> 30} GiB", "cells", "median", "most");
        foreach ((string what, List<double> counts) in cells)
        {
            bool isOneByte = what.StartsWith("1 byte", StringComparison.Ordinal);
            Target? target = isOneByte ? new Target($"{what}: cells", counts.Max(), CellsMax) : null;
            double median = Statistics.Percentile(counts, 50);
            table.Add(what, counts.Count, (long)median, (long)counts.Max(), target?.Verdict, Statistics.Percentile(seconds[what], 50));
            if (target is not null)
                report.Targets.Add(target);
            // Puts of much more would make the others invisible.
            if (target is not null || what == Nothing)
                plot.Add(what.Replace("right after a run of the map was rewritten", "map just rewritten", StringComparison.Ordinal), [median, counts.Max()],
                    target?.Bound);
        }
        report.Tables.Add(table);
        report.Plots.Add(plot);
        report.Versions[tool.Name] = tool.Version;
        report.Notes.Add("A put reads the whole disk again; through the mount, seconds are of the commit alone.");
        return report;
    }

    /// <summary>A disk whose data stands in runs spread over its length.</summary>
    private sealed class SparseDisk(string folder, long length, long dataBytes)
    {
        private const int RunBytes = 16 << 20;

        private readonly SplitMix random = new(11);
        private readonly string path = Path.Join(folder, "disk.raw");

        public string Folder { get; } = folder;

        private long RunDistance => length / (dataBytes / RunBytes);

        public void Create()
        {
            using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
            RandomAccess.SetLength(file, length);
            byte[] run = new byte[RunBytes];
            for (long i = 0; i < dataBytes / RunBytes; i++)
            {
                random.Fill(run);
                // Two thirds compress well, as on a disk with a system on it.
                for (int at = 0; at < run.Length; at++)
                    run[at] = at / 4096 % 3 == 0 ? run[at] : (byte)(run[at / 2] & 0x0F);
                RandomAccess.Write(file, run, i * RunDistance / RunBytes * RunBytes);
            }
        }

        /// <summary>Changes one byte in each of as many chunks.</summary>
        public void ChangeBytes(int count)
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
            var chunks = new HashSet<long>();
            byte[] one = new byte[1];
            while (chunks.Count < count)
            {
                long run = random.Below((int)(dataBytes / RunBytes)) * RunDistance / RunBytes * RunBytes;
                long offset = run + random.Below(RunBytes);
                if (!chunks.Add(offset / FormatLimits.ChunkBytes))
                    continue;
                RandomAccess.Read(file, one, offset);
                one[0] ^= 0xA5;
                RandomAccess.Write(file, one, offset);
            }
        }
    }
}
