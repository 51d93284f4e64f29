using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;
using VmPod.Vault.House;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>clean DIR [--budget BYTES] [--dry-run]: moves what is needed out of cells that are mostly dead, and frees these.</summary>
internal static class CleanVerb
{
    private const long BudgetBytes = 1L << 30;

    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var budget = new Option<long>("--budget")
        {
            HelpName = "BYTES",
            Description = "Bytes that may be written for it, about.",
            DefaultValueFactory = _ => BudgetBytes,
        };
        Option<bool> dryRun = Arguments.DryRun();
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("clean", "Move what is needed out of cells that are mostly dead, and free these.") { pod, budget, dryRun, pinFile };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            string folder = parsed.GetRequiredValue(pod);
            long bytes = parsed.GetValue(budget);
            bool isDryRun = parsed.GetValue(dryRun);
            if (bytes <= 0)
                throw new VmPodException(ExitCode.Usage, "A budget is at least one byte.");
            string number = bytes.ToString(CultureInfo.InvariantCulture);
            CleanReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Clean, isDryRun ? [number, ServedCommands.DryRun] : [number], ReplyJson.Default.CleanReply,
                    patience: GcVerb.Patience)
                : CleanHere(folder, bytes, isDryRun, parsed.GetValue(pinFile), interrupt.Token);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.CleanReply, Lines);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    /// <summary>What is said of a cleaning.</summary>
    internal static CleanReply ReplyOf(IReadOnlyList<RewriteReport> sessions, GarbageReport? freed, bool isDryRun) => new(isDryRun,
        [.. sessions.Select(SquashVerb.ReplyOf)], freed is null ? null : GcVerb.ReplyOf(freed, isDryRun: false));

    private static CleanReply CleanHere(string folder, long bytes, bool isDryRun, string? pinFile, CancellationToken cancel)
    {
        using Pod opened = Pod.Open(folder, StoreAccess.Write, TimeProvider.System);
        Unlocking.Unlock(opened, pinFile);
        using var progress = new ProgressLine();
        (IReadOnlyList<RewriteReport> sessions, GarbageReport? freed) = opened.Clean(bytes, isDryRun, progress, cancel);
        return ReplyOf(sessions, freed, isDryRun);
    }

    private static IEnumerable<string> Lines(CleanReply r)
    {
        if (r.Sessions.Count == 0)
            yield return "No session that is not in use has cells that are worth it.";
        foreach (RewriteReply s in r.Sessions)
        {
            yield return $"{s.Session}@{s.Generation}: {s.CellsAdded} cells {(r.DryRun ? "would be " : "")}written, {s.CellsToFree} free for it, "
                + $"{(s.CellsLater > 0 ? $"{s.CellsLater} more once older generations are forgotten, " : "")}{s.CellsWon} won{(r.DryRun ? ", about" : "")}.";
        }
        if (r.Freed is { } freed)
            yield return $"freed          {freed.CellsFreed} cells, {Output.Bytes(freed.BytesFreed)}";
    }
}
