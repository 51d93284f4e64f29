using System.CommandLine;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;
using VmPod.Vault.House;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>squash DIR SESSION: gives a session a history of its newest generation only.</summary>
internal static class SquashVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod(), session = Arguments.Session();
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("squash", "Store a session's newest generation free of history, and forget all others.") { pod, session, pinFile };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            string folder = parsed.GetRequiredValue(pod), name = parsed.GetRequiredValue(session);
            RewriteReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Squash, [name], ReplyJson.Default.RewriteReply, patience: GcVerb.Patience)
                : SquashHere(folder, name, parsed.GetValue(pinFile), interrupt.Token);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.RewriteReply, Lines);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    /// <summary>What is said of a rewriting.</summary>
    internal static RewriteReply ReplyOf(RewriteReport r) => new(r.Session, r.Generation, r.CellsAdded, r.CellsToFree, r.CellsLater, r.CellsWon, r.Forgotten);

    private static RewriteReply SquashHere(string folder, string session, string? pinFile, CancellationToken cancel)
    {
        using Pod opened = Pod.Open(folder, StoreAccess.Write, TimeProvider.System);
        Unlocking.Unlock(opened, pinFile);
        using var progress = new ProgressLine();
        return ReplyOf(opened.Squash(session, progress, cancel));
    }

    private static IEnumerable<string> Lines(RewriteReply r)
    {
        yield return $"{r.Session}@{r.Generation} is all of it now: {r.CellsAdded} cells written, {r.Forgotten} generations forgotten.";
        yield return $"podkeeper gc DIR frees {r.CellsToFree} cells. Until then, and in copies that were made before, the history is there.";
    }
}
