using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using VmPod.Benchmarks.Report;
using VmPod.Sync.Difference;
using VmPod.Vault.Format;

namespace VmPod.Benchmarks.Difference;

/// <summary>The keyless difference of two stores (sync/SPEC.md, S-120), against listing all ids.</summary>
internal sealed class DifferenceBenchmark : IBenchmark
{
    private const int Cells = 1_000_000, Missing = 100;
    private const double Ki = 1024, BytesMax = 200, SecondsMax = 1;

    /// <inheritdoc/>
    public string Name => "difference";

    /// <inheritdoc/>
    public string Purpose => "what two stores tell each other to find the cells that only one has, against listing all ids";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options)
    {
        var report = new BenchReport(Name);
        var table = new BenchTable("Both sides in one process, one thread", "cells", "missing", "KiB told", "list of ids KiB",
            "of the list", "waits", "seconds");
        foreach ((int cells, int missing) in ((int, int)[])[(1000, 1), (100_000, 100), (Cells, 1), (Cells, Missing), (Cells, 10_000), (Cells, Cells)])
        {
            CellId[] there = [.. Enumerable.Range(0, cells).Select(Id)];
            var here = new IdArray(there.Skip(missing));
            var answering = new IdArray(there);
            var found = new List<(double Seconds, long Bytes, int Waits)>();
            // One that nobody counts: code is compiled in it.
            for (int round = -1; round < options.Rounds; round++)
            {
                var watch = Stopwatch.StartNew();
                var asker = new DifferenceAsker(here);
                (long bytes, int waits) = Talk(asker, new DifferenceAnswerer(answering));
                if (asker.OnlyThere.Count != missing || asker.OnlyHere.Count != 0)
                    throw new InvalidOperationException($"Found {asker.OnlyThere.Count} and {asker.OnlyHere.Count} in place of {missing} and 0.");
                if (round >= 0)
                    found.Add((watch.Elapsed.TotalSeconds, bytes, waits));
            }
            double seconds = Statistics.Percentile(found.Select(f => f.Seconds), 50), told = Statistics.Percentile(found.Select(f => (double)f.Bytes), 50) / Ki;
            double list = (double)cells * CellId.Size / Ki;
            table.Add(cells, missing, told, list, told / list, found[0].Waits, seconds);
            if ((cells, missing) == (Cells, Missing))
            {
                report.Targets.Add(new Target("a million cells, a hundred missing: told", told, BytesMax, "KiB"));
                report.Targets.Add(new Target("a million cells, a hundred missing: time of both sides", seconds, SecondsMax, "s"));
            }
        }
        report.Tables.Add(table);
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{options.Rounds} round(s), medians. Seconds hold the hashing of both "
            + $"sides' ids, under a salt of this conversation, and no link: each wait is one round trip more."));
        return report;
    }

    private static CellId Id(int number)
    {
        Span<byte> bytes = stackalloc byte[CellId.Size], n = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(n, number);
        _ = SHA256.HashData(n, bytes);
        return CellId.ReadFrom(bytes);
    }

    private static (long Bytes, int Waits) Talk(DifferenceAsker asker, DifferenceAnswerer answerer)
    {
        long bytes = 0;
        int waits = 0;
        var told = new Queue<ReadOnlyMemory<byte>>();
        for (; !asker.IsDone; waits++)
        {
            while (asker.TryNextQuestion(out ReadOnlyMemory<byte> question))
            {
                ReadOnlyMemory<byte> answer = answerer.Answer(question.Span);
                bytes += question.Length + answer.Length;
                told.Enqueue(answer);
            }
            while (told.TryDequeue(out ReadOnlyMemory<byte> answer))
                asker.Take(answer.Span);
        }
        return (bytes, waits);
    }
}
