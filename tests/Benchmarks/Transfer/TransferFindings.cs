using System.Globalization;
using VmPod.Benchmarks.Report;
using VmPod.Benchmarks.Report.Plots;
using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>Makes targets, tables and plots of what was measured.</summary>
internal sealed class TransferFindings(TransferResults all)
{
    // D8: a second visit over 54 and 11 Mbit/s.
    private static readonly (int Mbit, double Seconds)[] SecondVisit = [(54, 3), (11, 8)];

    // D8: the first one is held against copying the compressed session.
    private const double FirstVisitMost = 1 / 5.0;

    /// <summary>Adds all to a report.</summary>
    public void AddTo(BenchReport report)
    {
        foreach (LinkShape link in all.Links)
            AddTargets(report, link);
        report.Tables.Add(LinkTable());
        foreach (TransferStep step in TransferSteps.OfPeers)
            report.Tables.Add(StepTable(step));
        report.Tables.Add(VisitTable());
        report.Tables.Add(PredictionTable());
        foreach (TransferStep step in TransferSteps.OfPeers)
            AddPlots(report, step);
        AddVisitPlots(report);
    }

    private void AddTargets(BenchReport report, LinkShape link)
    {
        if (link.Mbit is not { } mbit)
            return;
        foreach (TransferStep step in TransferSteps.OfPeers)
        {
            // A plain copy is what somebody would do else: of scp and rsync -z the one that is faster here.
            double plain = all.Tools.Where(t => t is "scp" or "rsync -z").Select(t => all.Find(t, step, link)?.Seconds ?? double.PositiveInfinity).Min();
            double ours = all.Find(TransferRound.Ours, step, link)?.Seconds ?? double.NaN;
            report.Targets.Add(new Target($"{TransferSteps.NameOf(step)}, {link}: vmpod / faster of scp and rsync -z", ours / plain, 1));
        }
        double Resume(TransferStep step) => all.Find(TransferRound.Ours, step, link)?.Seconds ?? double.NaN;
        report.Targets.Add(new Target($"resume, first visit, {link}: of copying the compressed session", Resume(TransferStep.ResumeCold)
            / all.CompressedCopyS(link), FirstVisitMost));
        foreach ((int _, double seconds) in SecondVisit.Where(v => v.Mbit == mbit))
            report.Targets.Add(new Target($"resume, later visit, {link}", Resume(TransferStep.ResumeAgain), seconds, "s"));
    }

    private BenchTable LinkTable()
    {
        var table = new BenchTable("The links, as one plain TCP stream through the relay found them", "link", "round trip ms", "to the pod Mbit/s",
            "from the pod Mbit/s", "copy of the compressed session, s");
        foreach (LinkShape link in all.Links)
            table.Add(link.ToString(), all.Found(link).RoundTripMs, all.Found(link).UpMbit, all.Found(link).DownMbit, all.CompressedCopyS(link));
        return table;
    }

    private BenchTable StepTable(TransferStep step)
    {
        var table = new BenchTable($"{Upper(TransferSteps.NameOf(step))}: seconds, and MiB on the link",
            ["link", .. all.Tools.Select(t => t + " s"), .. all.Tools.Select(t => t + " MiB")]);
        foreach (LinkShape link in all.Links)
        {
            IEnumerable<Measured?> row = all.Tools.Select(t => all.Find(t, step, link));
            table.Add([link.ToString(), .. row.Select(Text), .. row.Select(m => m is null ? null : (object)(m.WireBytes / 1048576.0))]);
        }
        return table;
    }

    private BenchTable VisitTable()
    {
        TransferStep[] steps =
            [TransferStep.ResumeCold, TransferStep.ResumeAgain, TransferStep.LightSyncFirst, TransferStep.LightSync, TransferStep.SafeToLeave];
        var table = new BenchTable("A visit: seconds, and MiB on the link",
            ["link", .. steps.Select(s => TransferSteps.NameOf(s) + " s"), .. steps.Select(s => TransferSteps.NameOf(s) + " MiB")]);
        foreach (LinkShape link in all.Links)
        {
            IEnumerable<Measured?> row = steps.Select(s => all.Find(TransferRound.Ours, s, link));
            table.Add([link.ToString(), .. row.Select(Text), .. row.Select(m => m is null ? null : (object)(m.WireBytes / 1048576.0))]);
        }
        return table;
    }

    private BenchTable PredictionTable()
    {
        var table = new BenchTable("vmpod, predicted (bytes on the link / its rate, and the round trips of setting up and ending) and measured, in seconds",
            ["link", .. Enum.GetValues<TransferStep>().SelectMany(s =>
                (string[])[$"{TransferSteps.NameOf(s)}, predicted", $"{TransferSteps.NameOf(s)}, measured"])]);
        foreach (LinkShape link in all.Links)
        {
            table.Add([link.ToString(), .. Enum.GetValues<TransferStep>().SelectMany(s => all.Find(TransferRound.Ours, s, link) is { } m
                ? [m.Predicted(all.Found(link), isOurs: true), m.Seconds] : new object?[] { null, null })]);
        }
        return table;
    }

    private void AddPlots(BenchReport report, TransferStep step)
    {
        foreach (int delay in Delays())
        {
            var plot = new LinePlot($"{Upper(TransferSteps.NameOf(step))}, {delay} ms each way", "Mbit/s", "seconds");
            bool isEmpty = true;
            foreach ((string tool, int index) in all.Tools.Select((t, i) => (t, i)))
            {
                (double, double)[] points = [.. Shaped(delay).Select(l => (X: (double)l.Mbit!.Value, M: all.Find(tool, step, l))).Where(p => p.M is not null)
                    .Select(p => (p.X, p.M!.Seconds))];
                if (points.Length > 0)
                    plot.Add(new LineSeries(tool, points, index));
                isEmpty &= points.Length == 0;
            }
            if (!isEmpty)
                report.Plots.Add(plot);
        }
    }

    private void AddVisitPlots(BenchReport report)
    {
        var plot = new BarPlot("Until the guest answers, and until one may leave", "s",
            "resume, first visit", "resume, later visit", "suspend to safe-to-leave");
        foreach (LinkShape link in all.Links)
        {
            double? target = SecondVisit.Where(v => v.Mbit == link.Mbit).Select(v => (double?)v.Seconds).FirstOrDefault();
            plot.Add(link.ToString(), [.. ((TransferStep[])[TransferStep.ResumeCold, TransferStep.ResumeAgain, TransferStep.SafeToLeave])
                .Select(s => all.Find(TransferRound.Ours, s, link)?.Seconds)], target);
        }
        report.Plots.Add(plot);
    }

    private IEnumerable<int> Delays() => all.Links.Where(l => l.Mbit is not null).Select(l => l.DelayMs).Distinct().Order();

    private IEnumerable<LinkShape> Shaped(int delay) => all.Links.Where(l => l.Mbit is not null && l.DelayMs == delay).OrderBy(l => l.Mbit);

    private static object? Text(Measured? measured) => measured is not { } m ? null : m.How switch
    {
        MeasuredHow.AtLeast => string.Create(CultureInfo.InvariantCulture, $"> {Numbers.Text(m.Seconds)}"),
        MeasuredHow.ByPace => string.Create(CultureInfo.InvariantCulture, $"~ {Numbers.Text(m.Seconds)}"),
        _ => m.Seconds,
    };

    private static string Upper(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
