using System.Globalization;
using System.Security.Cryptography;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Benchmarks.Vaults;

/// <summary>What the two cipher suites cost on this machine: whole cells sealed and opened as the vault does it, on one thread.</summary>
internal sealed class SuiteBenchmark : IBenchmark
{
    private const int Cells = 2048, RoundsMin = 3;
    private const double Mi = 1 << 20;

    /// <inheritdoc/>
    public string Name => "suites";

    /// <inheritdoc/>
    public string Purpose => "the two cipher suites: cells sealed and opened";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        int rounds = Math.Max(RoundsMin, options.Rounds);
        int cellBytes = FormatLimits.CellBytesDefault, workBytes = CellLayout.HeaderBytes + CellLayout.Capacity(cellBytes);
        double mebibytes = Cells * (double)CellLayout.Capacity(cellBytes) / Mi;
        byte[] work = new byte[workBytes], cell = new byte[cellBytes], chunk = RandomNumberGenerator.GetBytes(FormatLimits.ChunkBytes);
        var table = new BenchTable("Cipher suites: cells sealed and opened (T checked), chunks tagged; one thread", "suite", "seal MiB/s", "open MiB/s",
            "change tags MiB/s");
        var times = new Dictionary<(byte Suite, string What), List<double>>();
        for (int round = 0; round < rounds; round++)
        {
            foreach (byte suite in CellSuite.All)
            {
                using SecretBuffer key = SecretBuffer.Random(32);
                using LeaseKeys keys = LeaseKeys.Derive(key, 1, suite);
                RandomNumberGenerator.Fill(work);
                Time(suite, "seal", () => CellCipher.Seal(keys, work, cell));
                Time(suite, "open", () =>
                {
                    if (!CellCipher.TryOpen(keys, cell, work) || !CellCipher.MacIsRight(keys, cell, work))
                        throw new InvalidOperationException("A cell does not open.");
                });
                Time(suite, "tag", () => keys.ChangeTagOf(chunk));
            }
        }
        var plot = new BarPlot("Cipher suites, one thread", "MiB/s", "seal", "open", "change tags");
        foreach (byte suite in CellSuite.All)
        {
            string name = suite == CellSuite.HmacAes ? "2: HMAC-SHA-256, AES-256-GCM" : "1: BLAKE2b-256, ChaCha20-Poly1305";
            table.Add(name, Speed(suite, "seal"), Speed(suite, "open"), Speed(suite, "tag"));
            plot.Add(name, [Speed(suite, "seal"), Speed(suite, "open"), Speed(suite, "tag")]);
        }
        var report = new BenchReport(Name);
        report.Tables.Add(table);
        report.Plots.Add(plot);
        report.Versions["vmpod"] = typeof(Vault.PodVault).Assembly.GetName().Version!.ToString(3);
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture,
            $"Medians of {rounds} rounds in turns; {mebibytes:0} MiB each; by CPU time of one thread."));
        return report;

        void Time(byte suite, string what, Action once)
        {
            once();
            // CPU time: others may be using the machine.
            Timing timing = Timing.Of(() =>
            {
                for (int i = 0; i < Cells; i++)
                    once();
            });
            if (!times.TryGetValue((suite, what), out List<double>? list))
                times[(suite, what)] = list = [];
            list.Add(timing.CpuS);
        }

        double Speed(byte suite, string what) => mebibytes / times[(suite, what)].Order().ElementAt(rounds / 2);
    }
}
