using System.Globalization;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Peers;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.Testing;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;

namespace VmPod.Benchmarks.Vaults;

/// <summary>A first save against zstd alone on as many threads, and where the CPU's time goes, stage by stage on one thread.</summary>
internal sealed class PipelineBenchmark : IBenchmark
{
    private const double Mi = 1 << 20;

    // DESIGN.md section 8.
    private const double ShareLeastPercent = 75;

    /// <inheritdoc/>
    public string Name => "pipeline";

    /// <inheritdoc/>
    public string Purpose => "put against plain zstd on all cores, and its stages";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var work = new TempFolder();
        SessionSet sessions = SessionSet.Open(options, work.FullPath);
        string session = sessions.Folders[0];
        ChunkList chunks = ChunkList.Of(session);
        var zstd = new List<Timing>();
        var puts = new List<Timing>();
        var kernel = new List<double>();
        long cells = 0;
        for (int round = 0; round < Math.Max(3, options.Rounds); round++)
        {
            options.Log.WriteLine($"round {round}");
            DataFile.Warm(session);
            zstd.Add(Timing.Of(() => CompressAll(chunks)));
            string folder = work[string.Create(CultureInfo.InvariantCulture, $"vault{round}")];
            using var tool = new VaultTool();
            tool.Create(folder);
            Command.Sync(work.FullPath);
            TimeSpan before = Environment.CpuUsage.PrivilegedTime;
            puts.Add(tool.Save(session, 0));
            kernel.Add((Environment.CpuUsage.PrivilegedTime - before).TotalSeconds);
            cells = tool.LastPut!.CellsAdded;
            Directory.Delete(folder, recursive: true);
        }
        Timing plain = Timing.Median(zstd), put = Timing.Median(puts);
        StageProfile stages = StageProfile.Run(chunks, work["stages"]);
        var profile = new PutProfile(stages, put, Statistics.Percentile(kernel, 50), chunks.Bytes, cells, plain);

        var report = new BenchReport(Name);
        var target = new Target("put (first save) against zstd alone on all CPUs", plain.WallS / put.WallS * 100, ShareLeastPercent, "%", IsLeast: true);
        report.Targets.Add(target);
        double mebibytes = chunks.Bytes / Mi;
        var table = new BenchTable("First save against ZstdSharp level 1 alone, chunk by chunk on all cores", "what", "seconds", "CPU s", "MiB/s",
            "share of zstd alone %", "target");
        table.Add("read and zstd alone", plain.WallS, plain.CpuS, mebibytes / plain.WallS, 100.0, "");
        table.Add("put, the first of the process (JIT)", puts[0].WallS, puts[0].CpuS, mebibytes / puts[0].WallS, plain.WallS / puts[0].WallS * 100, "");
        table.Add("put, fsync included", put.WallS, put.CpuS, mebibytes / put.WallS, target.Value, target.Verdict);
        table.Add("the same in CPU seconds", put.WallS, put.CpuS, mebibytes / put.CpuS, plain.CpuS / put.CpuS * 100, "");
        report.Tables.AddRange([table, stages.ToTable(), profile.Shares(), profile.Limit(), EffortTable.Measure(chunks)]);
        report.Plots.Add(new BarPlot("First save against zstd alone on all CPUs", "MiB/s of chunks that are not zero", "speed")
            .Add("read and zstd alone", [mebibytes / plain.WallS])
            .Add("put, fsync included", [mebibytes / put.WallS], mebibytes / plain.WallS * ShareLeastPercent / 100));
        report.Plots.Add(profile.Plot());
        report.Versions["vmpod"] = typeof(Vault.PodVault).Assembly.GetName().Version!.ToString(3);
        report.Versions["ZstdSharp"] = typeof(ZstdSharp.Compressor).Assembly.GetName().Version!.ToString(3);
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture,
            $"Generation 0: {chunks.Chunks.Count} chunks that are not zero, {mebibytes:0} MiB; {Environment.ProcessorCount} CPUs; medians "
                + $"of {puts.Count} alternating runs."));
        report.Notes.Add("The stages are run apart on one thread each over a part of the data; a put runs them on all cores, and the disk writes meanwhile.");
        report.Notes.Add("The limit's share of zstd alone is the best that a put can reach which compresses every chunk: more needs chunks that are not "
            + "compressed.");
        report.Notes.Add("Each primitive is counted for every chunk that is not zero, or every cell added. What a put does besides (choosing a codec, "
            + "references, packing, tables, index, commit, locks, handing over between threads, page faults) and what it saves by a chunk that needs no zstd "
            + "are in 'not explained'. The kernel's part contains the passphrase's 64 MiB of page faults.");
        return report;
    }

    private static void CompressAll(ChunkList chunks)
    {
        long next = -1;
        Thread[] threads = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() =>
        {
            using var encoder = new ChunkEncoder(Effort.Fast);
            using ChunkList.Reader reader = chunks.Open();
            byte[] plain = new byte[FormatLimits.GroupBytesMax], output = new byte[ChunkEncoder.OutputBytesOf(FormatLimits.GroupBytesMax)];
            for (long first; (first = Interlocked.Increment(ref next) * StageProfile.ChunksOfFrame) < chunks.Chunks.Count;)
            {
                int length = 0;
                for (int i = (int)first; i < Math.Min(first + StageProfile.ChunksOfFrame, chunks.Chunks.Count); i++)
                    length += reader.Read(i, plain.AsSpan(length, FormatLimits.ChunkBytes)).Length;
                encoder.Deflate(plain.AsSpan(0, length), default, output);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
    }
}
