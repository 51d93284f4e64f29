using System.Diagnostics;
using System.Text;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.Secrets;
using VmPod.Testing;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.House;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.Benchmarks.Year;

/// <summary>Issue 5, "a year": 250 days of one session with the house kept each evening. Space, times and memory must stay flat.</summary>
internal sealed class YearBenchmark : IBenchmark
{
    private const int DaysFull = 250, DaysQuick = 40, DiskMiBFull = 32, DiskMiBQuick = 16, DaysOfRow = 10;
    private const string Session = "year";

    // Of the last fifth of the year against the third: by then the rules have run twice (8 weeks), once to fill up and once more for what the cleaner moved out
    // of cells that older generations need. A list looks at all that there ever was (K-62): for it the bound is in milliseconds.
    private const double FlatMost = 1.25, MemoryMostMiB = 256, ListMostMs = 100;

    private static readonly KeepRules Rules = new(Last: 5, Daily: 10, Weekly: 8);
    private static readonly UInt128 Host = 1;

    /// <inheritdoc/>
    public string Name => "year";

    /// <inheritdoc/>
    public string Purpose => "250 days of suspends with forget, gc and clean each evening: space, times, memory";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        using var work = new TempFolder();
        int count = options.Quick ? DaysQuick : DaysFull, diskMiB = options.Quick ? DiskMiBQuick : DiskMiBFull;
        var days = new YearDays(work["files"], diskMiB);
        var clock = new DayClock();
        using SecretBuffer passphrase = Passphrase();
        PodVault.Create(work["pod"], passphrase, new VaultOptions { Argon2MemoryKiB = 8 * 1024 }, clock).Dispose();
        var all = new List<Day>();
        for (int day = 1; day <= count; day++)
        {
            if (day > 1)
                days.Next();
            clock.Days = day;
            all.Add(OneDay(work["pod"], work["files"], passphrase, clock));
            if (day % DaysOfRow == 0)
                options.Log.WriteLine($"day {day}: {all[^1]}");
        }
        Check(work["pod"], work["files"], work["out"], passphrase, clock);
        return Report(all, diskMiB);
    }

    // Each command opens the vault anew, as a person's do.
    private static Day OneDay(string folder, string files, SecretBuffer passphrase, TimeProvider clock)
    {
        PeakMemory.Reset();
        var watch = Stopwatch.StartNew();
        double putMs = Do(vault =>
        {
            using SessionLease lease = vault.BeginLease(Session, create: true, Host);
            SnapshotWriter.Put(lease, [files], "suspend", null, CancellationToken.None);
        });
        double peakOfPut = PeakMemory.ReadMiB();
        int generations = 0;
        double headMiB = 0;
        double houseMs = Do(vault =>
        {
            vault.Forget(vault.PlanForget(Session, Rules));
            _ = vault.CollectGarbage(isDryRun: false, null, CancellationToken.None);
        });
        double cleanMs = Do(vault =>
        {
            if (vault.Clean(Session, Host, long.MaxValue, isDryRun: false, null, CancellationToken.None) is not null)
                _ = vault.CollectGarbage(isDryRun: false, null, CancellationToken.None);
        });
        double openMs = Do(vault =>
        {
            using SessionReader reader = vault.OpenSession(Session);
            headMiB = reader.Record.LiveCount * (ulong)vault.Descriptor.CellBytes / (double)(1 << 20);
        });
        double listMs = Do(vault => generations = vault.ListGenerations(vault.FindSession(Session).Handle).Count);
        double stored = DataFile.StoredBytes(Path.Join(folder, "v1", "segments")), log = new FileInfo(Path.Join(folder, "v1", "log")).Length;
        return new Day(stored / (1 << 20), headMiB, log / (1 << 20), generations, putMs, houseMs, cleanMs, openMs, listMs,
            Math.Max(peakOfPut, PeakMemory.ReadMiB()));

        double Do(Action<PodVault> act)
        {
            using PodVault vault = PodVault.Open(folder, StoreAccess.Write, clock);
            if (!vault.TryUnlock(passphrase))
                throw new InvalidOperationException("The benchmark's own passphrase is wrong.");
            watch.Restart();
            act(vault);
            return watch.Elapsed.TotalMilliseconds;
        }
    }

    private static void Check(string folder, string files, string into, SecretBuffer passphrase, TimeProvider clock)
    {
        using PodVault vault = PodVault.Open(folder, StoreAccess.Read, clock);
        if (!vault.TryUnlock(passphrase) || !vault.Verify(null, CancellationToken.None).IsSound)
            throw new InvalidOperationException("The vault is not sound after the year.");
        using SessionReader reader = vault.OpenSession(Session);
        SnapshotReader.Get(reader, into, null, CancellationToken.None);
        if (!DataFile.SameContent(files, into))
            throw new InvalidOperationException("The newest generation is not what was put.");
    }

    private BenchReport Report(List<Day> all, int diskMiB)
    {
        var report = new BenchReport(Name);
        var table = new BenchTable($"{all.Count} days: a disk of {diskMiB} MiB, memory of {diskMiB / 2} MiB; means of {DaysOfRow} days",
            "to day", "generations", "stored MiB", "of it newest", "log MiB", "put ms", "forget+gc ms", "clean+gc ms", "open ms", "list ms", "peak MiB");
        (string Name, Func<Day, double> Of)[] series =
        [
            ("stored MiB", d => d.StoredMiB), ("put ms", d => d.PutMs), ("forget+gc ms", d => d.HouseMs), ("open ms", d => d.OpenMs),
            ("list ms", d => d.ListMs), ("peak MiB", d => d.PeakMiB),
        ];
        Day[][] rows = [.. all.Chunk(DaysOfRow)];
        for (int i = 0; i < rows.Length; i++)
        {
            Day[] row = rows[i];
            table.Add((i + 1) * DaysOfRow, row[^1].Generations, row.Average(d => d.StoredMiB), row.Average(d => d.HeadMiB), row[^1].LogMiB,
                row.Average(d => d.PutMs), row.Average(d => d.HouseMs), row.Average(d => d.CleanMs), row.Average(d => d.OpenMs),
                row.Average(d => d.ListMs), row.Max(d => d.PeakMiB));
        }
        var plot = new LinePlot("A year of one session, the house kept each evening", "day", "MiB or ms (means of ten days)");
        for (int s = 0; s < series.Length; s++)
        {
            Func<Day, double> of = series[s].Of;
            plot.Add(new LineSeries(series[s].Name, [.. rows.Select((row, i) => ((i + 1.0) * DaysOfRow, row.Average(of)))], s));
        }
        report.Tables.Add(table);
        report.Plots.Add(plot);
        foreach ((string name, Func<Day, double> of) in series.Take(4))
            report.Targets.Add(new Target($"{name}, the last fifth against the third", Late(of) / Middle(of), FlatMost));
        report.Targets.Add(new Target("list at the year's end", Late(d => d.ListMs), ListMostMs, "ms"));
        report.Targets.Add(new Target("peak memory", all.Max(d => d.PeakMiB), MemoryMostMiB, "MiB"));
        report.Versions["vmpod"] = typeof(PodVault).Assembly.GetName().Version!.ToString(3);
        report.Notes.Add($"Each day 2 % of the disk and 15 % of memory change; two thirds of memory stand on the disk. Kept: the last {Rules.Last}, "
            + $"{Rules.Daily} days, {Rules.Weekly} weeks. Each command opens the vault anew; times are without the passphrase (Argon2id).");
        report.Notes.Add("At the end verify was sound and the newest generation was, byte by byte, what was put. The log is not shortened: its entries are "
            + "what generations are signed by.");
        return report;

        double Middle(Func<Day, double> of) => all.Skip(all.Count * 2 / 5).Take(all.Count / 5).Average(of);
        double Late(Func<Day, double> of) => all.Skip(all.Count - all.Count / 5).Average(of);
    }

    private static SecretBuffer Passphrase() =>
        SecretBuffer.Create("a year of one session".Length, static bytes => Encoding.ASCII.GetBytes("a year of one session", bytes));

    private sealed record Day(double StoredMiB, double HeadMiB, double LogMiB,
        int Generations, double PutMs, double HouseMs, double CleanMs, double OpenMs, double ListMs, double PeakMiB);

    // A day is a day on the vault's clock too.
    private sealed class DayClock : TimeProvider
    {
        private readonly DateTimeOffset start = new(2026, 1, 5, 18, 0, 0, TimeSpan.Zero);

        public int Days { get; set; }

        public override DateTimeOffset GetUtcNow() => start.AddDays(Days);
    }
}
