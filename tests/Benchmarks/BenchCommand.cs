using System.CommandLine;
using System.Globalization;
using VmPod.Benchmarks.Difference;
using VmPod.Benchmarks.Disk;
using VmPod.Benchmarks.Mount;
using VmPod.Benchmarks.Open;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Resume;
using VmPod.Benchmarks.Rsync;
using VmPod.Benchmarks.Suspend;
using VmPod.Benchmarks.Transfer;
using VmPod.Benchmarks.Vaults;
using VmPod.Benchmarks.Year;
using VmPod.Foundation;
using VmPod.Testing;

namespace VmPod.Benchmarks;

/// <summary>`./vmpod bench [NAME]`: runs one benchmark or all, prints targets and tables, keeps JSON and a plot (SVG) in artifacts/bench.</summary>
internal static class BenchCommand
{
    private static readonly IBenchmark[] All = [new VaultBenchmark(), new CellSizeBenchmark(), new PipelineBenchmark(), new OneByteBenchmark(),
        new AloneBenchmark(), new MovedPagesBenchmark(), new OpenBenchmark(), new SuspendBenchmark(), new SuiteBenchmark(), new MountBenchmark(),
        new ResumeBenchmark(), new DiskBenchmark(), new YearBenchmark(), new RsyncBenchmark(), new DifferenceBenchmark(), new TransferBenchmark()];

    /// <summary>The command.</summary>
    public static RootCommand Build()
    {
        var name = new Argument<string?>("NAME")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = string.Join("; ", All.Select(b =>
            $"{b.Name}: {b.Purpose}"))
        };
        var sessions = new Option<string?>("--sessions") { Description = "A folder with gen0, gen1, ... as tests/Guest/make-sessions.sh makes it." };
        var quick = new Option<bool>("--quick") { Description = "Small synthetic data: to try it, not to compare." };
        var rounds = new Option<int>("--rounds") { Description = "Runs of each comparison; medians are printed.", DefaultValueFactory = _ => 1 };
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        Option<int[]?> links = Numbers("--links", "Of transfer: Mbit/s, as 54,300.", 1, 10_000),
            delays = Numbers("--delays", "Of transfer: ms each way, as 2,20.", 0, 1000);
        var root = new RootCommand("Measures VmPod, against restic and borg in the same run.") { name, sessions, quick, rounds, links, delays, json };
        root.Subcommands.Add(OpenProbe.Command());
        root.Subcommands.Add(RelayCommand.Command());
        foreach (Command command in LinkProbe.Commands())
            root.Subcommands.Add(command);
        root.SetAction(result => Run(result.GetValue(name), result.GetValue(json),
            new BenchOptions(result.GetValue(sessions), result.GetValue(quick), Math.Max(1, result.GetValue(rounds)), Console.Error)
            {
                Links = Given(result.GetValue(links)),
                Delays = Given(result.GetValue(delays)),
            }));
        return root;
    }

    private static int[]? Given(int[]? numbers) => numbers is { Length: > 0 } ? numbers : null;

    private static Option<int[]?> Numbers(string name, string description, int least, int most) => new(name)
    {
        Description = description,
        CustomParser = parsed =>
        {
            string[] parts = parsed.Tokens[0].Value.Split(',');
            int[] numbers = [.. parts.Select(p => int.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : -1)];
            if (numbers.All(n => n >= least && n <= most))
                return numbers;
            parsed.AddError($"{name} takes whole numbers from {least} to {most}, with commas between them.");
            return null;
        },
    };

    private static int Run(string? name, bool json, BenchOptions options)
    {
        IBenchmark[] chosen = [.. All.Where(b => name is null || b.Name == name)];
        if (chosen.Length == 0)
        {
            Console.Error.WriteLine($"There is no benchmark {name}. There are: {string.Join(", ", All.Select(b => b.Name))}.");
            return (int)ExitCode.Usage;
        }
        try
        {
            var summary = new BenchReport("targets");
            foreach (IBenchmark benchmark in chosen)
            {
                string load = Machine.LoadAverage();
                BenchReport report = benchmark.Run(options);
                report.Versions["machine"] = Machine.Text;
                report.Notes.Add($"Load average of the minute before: {load}. What else ran then makes times by the clock longer.");
                if (options.Quick)
                    report.Notes.Add("Tried with --quick: small synthetic data, so what is met or not met here says nothing.");
                Write(report, json);
                summary.Targets.AddRange(report.Targets.Select(t => t with { What = $"{benchmark.Name}: {t.What}" }));
                foreach ((string what, string version) in report.Versions)
                    summary.Versions[what] = version;
            }
            if (chosen.Length > 1)
                Write(summary, json);
            return (int)ExitCode.Done;
        }
        catch (VmPodException e)
        {
            Console.Error.WriteLine(e.Message);
            if (e.Hint is not null)
                Console.Error.WriteLine(e.Hint);
            return (int)e.ExitCode;
        }
    }

    private static void Write(BenchReport report, bool json)
    {
        string folder = Directory.CreateDirectory(Repository.PathOf("artifacts", "bench")).FullName;
        File.WriteAllText(Path.Join(folder, report.Name + ".json"), report.ToJson());
        if (report.ToSvg() is { } svg)
            File.WriteAllText(Path.Join(folder, report.Name + ".svg"), svg);
        Console.Out.WriteLine(json ? report.ToJson() : report.ToText());
    }
}
