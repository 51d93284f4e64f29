using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Transfer;
using VmPod.Testing;
using VmPod.Vault.Format;

namespace VmPod.Benchmarks.Rsync;

/// <summary>Signature and delta of sync/Rsync against rsync, against sending the file whole, and against lists of cells' ids.</summary>
internal sealed class RsyncBenchmark : IBenchmark
{
    private const int Bytes = 64 << 20, QuickBytes = 8 << 20;
    private const double Ki = 1024, MB = 1e6;

    /// <inheritdoc/>
    public string Name => "rsync";

    /// <inheritdoc/>
    public string Purpose => "bytes and CPU time of rsync's format, where it wins and where it does not";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var folder = new TempFolder();
        var bytes = new BenchTable("Bytes that pass, both ways", "what changed", "whole KiB", "signature KiB", "delta KiB", "rsync KiB",
            "of whole", "rsync of whole", "of rsync");
        var times = new BenchTable("CPU time", "what changed", "sign MB/s", "compare MB/s", "apply MB/s", "all s", "rsync s", "of rsync");
        var cells = new BenchTable("Where the cells' ids are known on both sides", "what changed", "ids + cells KiB", "signature + delta KiB",
            "of ids + cells");
        foreach (RsyncCase data in RsyncCase.All(options.Quick ? QuickBytes : Bytes))
        {
            options.Log.WriteLine(data.Name);
            RsyncRun run = new RsyncRun(folder, data).Measure(options.Rounds);
            double whole = data.Source.Length, sent = run.SignatureBytes + run.DeltaBytes;
            bytes.Add(data.Name, whole / Ki, run.SignatureBytes / Ki, run.DeltaBytes / Ki, run.RsyncBytes / Ki, sent / whole, run.RsyncBytes / whole,
                sent / run.RsyncBytes);
            double all = run.Sign.CpuS + run.Compare.CpuS + run.Apply.CpuS;
            times.Add(data.Name, data.Basis.Length / MB / run.Sign.CpuS, whole / MB / run.Compare.CpuS, whole / MB / run.Apply.CpuS, all, run.Rsync.CpuS,
                all / run.Rsync.CpuS);
            if (data.NewCells is { } count)
            {
                double byIds = data.Basis.Length / RsyncCase.CellBytes * CellId.Size + (double)count * RsyncCase.CellBytes;
                cells.Add(data.Name, byIds / Ki, sent / Ki, sent / byIds);
            }
        }
        var report = new BenchReport(Name);
        report.Tables.AddRange([bytes, times, cells]);
        report.Versions["rsync"] = new RsyncPeer().Version.Split(' ')[0] + " (--no-whole-file --ignore-times, both ends here)";
        report.Notes.Add("Random bytes, as sealed cells are: nothing here can be compressed. rsync shortens its sums to what a file of that size needs; the "
            + "format here has 8 bytes of hash and 6 of length and rolling sum for each block, always.");
        report.Notes.Add("Files are in the page cache. \"rsync s\" is all of its processes, their start too; in \"all s\" nothing is started, "
            + "and nothing verified.");
        report.Notes.Add("\"ids + cells\": one side lists the 32 bytes of each id, the other sends the cells that are not among them (sync/SPEC.md, S-01).");
        return report;
    }
}
