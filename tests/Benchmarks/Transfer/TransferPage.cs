using System.Globalization;
using System.Text;
using VmPod.Benchmarks.Report;

namespace VmPod.Benchmarks.Transfer;

/// <summary>Writes TRANSFER.md, the analysis for whoever does not run it, and its plots beside it. All figures are those of the run, but for the published
/// ones, which say where they stand.</summary>
internal sealed class TransferPage(BenchReport report, TransferResults all)
{
    /// <summary>The page's name.</summary>
    public const string PageName = "TRANSFER.md";

    private const string PlotName = "TRANSFER.svg";

    /// <summary>Writes page and plots into a folder.</summary>
    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        if (report.ToSvg() is { } svg)
            File.WriteAllText(Path.Join(folder, PlotName), svg);
        File.WriteAllText(Path.Join(folder, PageName), ToText());
    }

    /// <summary>The page.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        text.AppendLine("# Moving a session over the air").AppendLine();
        text.AppendLine("Written by `./vmpod bench transfer`, which overwrites it; nothing here is typed in but the published figures at the end.")
            .AppendLine();
        text.Append(Method()).AppendLine();
        text.AppendLine("## Targets").AppendLine();
        text.AppendLine(string.Create(CultureInfo.InvariantCulture, $"{report.Targets.Count(t => t.IsMet)} of {report.Targets.Count} are met. Not met:"));
        text.AppendLine();
        foreach (Target missed in report.Targets.Where(t => !t.IsMet))
        {
            string value = double.IsFinite(missed.Value) ? Numbers.Text(missed.Value) : "not measured";
            text.AppendLine($"- {missed.What}: {$"{value} {missed.Unit}".TrimEnd()} ({missed.BoundText})");
        }
        if (report.Targets.All(t => t.IsMet))
            text.AppendLine("- none");
        text.AppendLine().AppendLine(Target.Table(report.Targets).ToText());
        text.AppendLine("## Measured").AppendLine();
        text.AppendLine("`~` before a time: a plain copy was ended after some seconds, and this is what all its bytes take at the pace that it had.");
        text.AppendLine("`>`: it was ended, and takes longer. An empty cell: the tool has no such step.").AppendLine();
        foreach (BenchTable table in report.Tables)
            text.AppendLine(table.ToText());
        text.AppendLine($"![The same as plots]({PlotName})").AppendLine();
        text.Append(Published());
        text.AppendLine("## Measured with").AppendLine();
        foreach ((string what, string version) in report.Versions)
            text.AppendLine($"- {what}: {version}");
        foreach (string note in report.Notes)
            text.AppendLine($"- {note}");
        return text.ToString();
    }

    private string Method() => string.Create(CultureInfo.InvariantCulture, $"""
        ## Method

        - **The link.** Three network namespaces on one machine: host, relay, pod. Host and pod send through `tc tbf` at the rate of the link; the relay
          (`tests/Testing/Tools/DelayRelay.cs`) delivers every byte the delay later, in each direction, without limiting the rate: the round trip is twice the
          delay. TCP itself sees no delay, so nobody here pays for its slow start or its recovery over a long way; what speaks over TCP pays for each
          question that waits for its answer. No loss, no other traffic. A plain stream through the relay shows what the link gives (first table).
        - **The session.** The test guest: 512 MiB of memory, a disk of 2 GiB; booted, worked in, suspended. Its files have
          {all.SessionBytes.Apparent / 1048576.0:0} MiB as one sees them, {all.SessionBytes.Stored / 1048576.0:0} MiB without holes,
          {all.SessionBytes.Compressed / 1048576.0:0} MiB by zstd -3. The fresh disk has {all.DiskBytes / 1048576.0:0} MiB without holes. "Light work" is
          1 MiB of a file and 100 rows of a database, flushed, and what the guest does by itself meanwhile.
        - **vmpod.** The programs as built: `podkeeper serve` on the pod, `hostguard` on a paired host. *First sync* is `hostguard adopt` of the fresh disk.
          *Resume* is from the start of the command to the guest's first answer; the first visit has no list of what is read
          first, the later ones have. *Full copy* is `hostguard resume --complete` until `status` says that all is there. *Light sync* is
          `hostguard suspend` right after the work, until it returns: all is durable on the pod then. *Suspend to safe-to-leave* is the same after
          live sync has caught up, as the leave meter says.
        - **The others.** The same disk (first sync), the same session's files (full copy, from the pod to the host), and the files of the session
          after the same light work (light sync), over the same link in the same run, through an sshd with a configuration of its own. What they need on
          the pod of the generation before, and their caches of it on the host, are there without the link. `sync -f` of what received the data is
          counted. scp has no delta: its light sync is a full copy.
        - **Predicted** is bytes on the link by the rate that was found, and the round trips that setting up and ending take by protocol. What is
          measured beyond it is CPU, disk, or waiting for answers one by one.

        """);

    private string Published()
    {
        var table = new BenchTable("Published figures, and what comes nearest here",
            "system", "source", "published", "here", "seconds here, all links", "comparable?");
        foreach (PublishedFigure figure in PublishedFigure.All)
        {
            double[] ours = [.. all.Links.Where(l => l.Mbit is not null && (figure.Mbit is null || figure.Mbit == l.Mbit))
                .Select(l => all.Find(TransferRound.Ours, figure.Step, l)?.Seconds).OfType<double>()];
            string here = TransferSteps.NameOf(figure.Step) + (figure.Mbit is { } mbit ? string.Create(CultureInfo.InvariantCulture, $", {mbit} Mbit/s") : "");
            table.Add(figure.System, figure.Source, figure.Figure, here, ours.Length == 0 ? null : $"{Numbers.Text(ours.Min())} to {Numbers.Text(ours.Max())}",
                figure.Comparable);
        }
        return new StringBuilder().AppendLine("## What others published").AppendLine()
            .AppendLine("Other machines, other guests, other decades: the order of magnitude can be compared, and what has to be waited for.").AppendLine()
            .AppendLine(table.ToText()).ToString();
    }
}
