using System.Xml.Linq;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Transfer;
using VmPod.Testing;
using Xunit;

namespace VmPod.Benchmarks.Tests;

/// <summary>The analysis says what was measured, and of what was not measured that it was not.</summary>
public sealed class TransferPageTests
{
    private static readonly LinkShape Slow = new(11, 80), Fast = new(300, 2);

    [Fact]
    public void A_target_that_is_missed_and_one_that_was_not_measured_are_named_and_one_that_is_met_is_not_among_them()
    {
        (string page, BenchReport report) = Write(firstVisitS: 880);
        string missed = page[page.IndexOf("Not met:", StringComparison.Ordinal)..page.IndexOf("**Targets**", StringComparison.Ordinal)];
        Assert.Contains("- resume, later visit, 11 Mbit/s, 80 ms: 9.00 s (<= 8 s)", missed, StringComparison.Ordinal);
        // 100 MB at 10 Mbit/s take 80 s; a fifth of it is the bound.
        Assert.Contains("- resume, first visit, 11 Mbit/s, 80 ms: of copying the compressed session: 11.0 (<= 0.2)", missed, StringComparison.Ordinal);
        Assert.Contains("- full copy, 300 Mbit/s, 2 ms: vmpod / faster of scp and rsync -z: not measured (<= 1)", missed, StringComparison.Ordinal);
        Assert.DoesNotContain("first sync (disk), 11 Mbit/s", missed, StringComparison.Ordinal);
        Assert.Contains(report.Targets, t => t.IsMet && t.What.StartsWith("first sync (disk), 11 Mbit/s", StringComparison.Ordinal));
        Assert.Equal(report.Targets.Count(t => !t.IsMet), missed.Split("\n- ").Length - 1);
    }

    [Fact]
    public void What_was_not_measured_to_its_end_is_marked()
    {
        (string page, _) = Write(firstVisitS: 5);
        Assert.Contains("~ 400", page, StringComparison.Ordinal);
        Assert.Contains("> 480", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_prediction_is_bytes_by_the_rate_that_was_found_and_the_round_trips()
    {
        var found = new LinkFound(RoundTripMs: 100, UpMbit: 8, DownMbit: 80);
        var up = new Measured(TransferRound.Ours, TransferStep.FirstSync, Slow, 1, 10_000_000, MeasuredHow.Whole);
        Assert.Equal(10 + 8 * 0.1, up.Predicted(found, isOurs: true), 6);
        Assert.Equal(1 + 5 * 0.1, (up with { Step = TransferStep.ResumeCold }).Predicted(found, isOurs: true), 6);
    }

    [Fact]
    public void Of_several_rounds_the_median_counts_and_the_plots_are_a_picture()
    {
        TransferResults all = Results(firstVisitS: 5);
        foreach (double s in (double[])[3, 30])
            all.Add(Slow, new LinkFound(170, 10, 10), [new Measured(TransferRound.Ours, TransferStep.ResumeCold, Slow, s, 1, MeasuredHow.Whole)]);
        Assert.Equal(5, all.Find(TransferRound.Ours, TransferStep.ResumeCold, Slow)!.Seconds);
        var report = new BenchReport("transfer");
        new TransferFindings(all).AddTo(report);
        Assert.Contains("resume, first visit, predicted", report.ToJson(), StringComparison.Ordinal);
        Assert.Equal("svg", XDocument.Parse(report.ToSvg()!).Root!.Name.LocalName);
    }

    private static (string Page, BenchReport Report) Write(double firstVisitS)
    {
        TransferResults all = Results(firstVisitS);
        var report = new BenchReport("transfer");
        new TransferFindings(all).AddTo(report);
        return (new TransferPage(report, all).ToText(), report);
    }

    private static TransferResults Results(double firstVisitS)
    {
        var all = new TransferResults((3_000_000_000, 500_000_000, 100_000_000), 300_000_000, ["scp", "rsync -z"]);
        Measured Of(string tool, TransferStep step, LinkShape link, double s, MeasuredHow how = MeasuredHow.Whole) => new(tool, step, link, s, 1 << 20, how);
        all.Add(Slow, new LinkFound(160, 10, 10),
        [
            Of(TransferRound.Ours, TransferStep.FirstSync, Slow, 50), Of("scp", TransferStep.FirstSync, Slow, 400, MeasuredHow.ByPace),
            Of("rsync -z", TransferStep.FirstSync, Slow, 480, MeasuredHow.AtLeast), Of(TransferRound.Ours, TransferStep.ResumeCold, Slow, firstVisitS),
            Of(TransferRound.Ours, TransferStep.ResumeAgain, Slow, 9),
        ]);
        all.Add(Fast, new LinkFound(4, 280, 280), [Of("scp", TransferStep.FullCopy, Fast, 20)]);
        return all;
    }
}
