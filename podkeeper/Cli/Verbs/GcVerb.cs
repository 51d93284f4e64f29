using System.CommandLine;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;
using VmPod.Vault.House;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>gc DIR [--dry-run]: frees the cells that nobody needs. Needs no passphrase.</summary>
internal static class GcVerb
{
    /// <summary>For a server's answer: a large pod reads for long before it gives one.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromHours(6);

    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        Option<bool> dryRun = Arguments.DryRun();
        var verb = new Command("gc", "Free the space of what was forgotten and of what nobody needs.") { pod, dryRun };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            string folder = parsed.GetRequiredValue(pod);
            bool isDryRun = parsed.GetValue(dryRun);
            GcReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Gc, isDryRun ? [ServedCommands.DryRun] : [], ReplyJson.Default.GcReply, patience: Patience)
                : CollectHere(folder, isDryRun, interrupt.Token);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.GcReply, Lines);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    /// <summary>What is said of a collection.</summary>
    internal static GcReply ReplyOf(GarbageReport report, bool isDryRun) => new(isDryRun, report.Freed.Cells, report.Freed.Bytes, report.Freed.Moved,
        report.Freed.Left, report.CellsNeeded, report.LeasesHeld, report.Freed.HasHoles);

    private static GcReply CollectHere(string folder, bool isDryRun, CancellationToken cancel)
    {
        // Also for a dry run: what the file system can do is tried out.
        using Pod opened = Pod.Open(folder, StoreAccess.Write, TimeProvider.System);
        using var progress = new ProgressLine();
        return ReplyOf(opened.CollectGarbage(isDryRun, progress, cancel), isDryRun);
    }

    private static IEnumerable<string> Lines(GcReply r)
    {
        yield return $"{(r.DryRun ? "would free" : "freed"),-14} {r.CellsFreed} cells, {Output.Bytes(r.BytesFreed)}";
        yield return $"needed         {r.CellsNeeded} cells{(r.LeasesHeld > 0 ? $", and what {r.LeasesHeld} leases may still name" : "")}";
        if (!r.Holes)
            yield return $"no holes       {r.CellsMoved} cells stored anew for it, {r.CellsLeft} that nobody needs stay: "
                + "this file system cannot free a part of a file";
    }
}
