using System.CommandLine;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>keep DIR SESSION@FORK NAME: makes a fork a session of its own.</summary>
internal static class KeepVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var which = new Argument<string>("SESSION@FORK") { Description = "The fork (podkeeper forks DIR lists them)." };
        var name = new Argument<string>("NAME") { Description = "The new session's name." };
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("keep", "Make a fork a session of its own. Its content is stored once more, under that session's keys.")
        {
            pod, which, name, pinFile,
        };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            string folder = parsed.GetRequiredValue(pod), fork = parsed.GetRequiredValue(which), newName = parsed.GetRequiredValue(name);
            // Says so before anybody is asked.
            _ = Read(fork);
            KeepReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Keep, [fork, newName], ReplyJson.Default.KeepReply, patience: GcVerb.Patience)
                : KeepHere(folder, fork, newName, parsed.GetValue(pinFile), interrupt.Token);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.KeepReply, Lines);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    /// <summary>Does it.</summary>
    internal static KeepReply Keep(Pod pod, string which, string newName, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        (string session, ulong fork) = Read(which);
        KeptFork kept = pod.KeepFork(session, fork, newName, progress, cancel);
        return new KeepReply(session, ForkName.Of(fork), kept.Name, kept.Session.ToString(), kept.Record.Generation, GenerationKinds.NameOf(kept.Record.Kind),
            kept.CellsAdded, kept.CellsAdded * pod.Vault.Descriptor.CellBytes);
    }

    private static (string Session, ulong Fork) Read(string text) => GetVerb.Split(text) is (var session, _, { } fork) ? (session, fork)
        : throw new VmPodException(ExitCode.Usage, "Name a fork: SESSION@fork-ID.", "podkeeper forks DIR lists them.");

    private static KeepReply KeepHere(string folder, string which, string newName, string? pinFile, CancellationToken cancel)
    {
        using Pod opened = Pod.Open(folder, StoreAccess.Write, TimeProvider.System);
        Unlocking.Unlock(opened, pinFile);
        using var progress = new ProgressLine();
        return Keep(opened, which, newName, progress, cancel);
    }

    private static IEnumerable<string> Lines(KeepReply r)
    {
        yield return $"{r.Session}@{r.Fork} is session {r.Name} now: {r.CellsAdded} cells written, {Output.Bytes(r.BytesAdded)}.";
        if (r.Kind == "disk-only")
            yield return $"It is a disk without memory: hostguard boot {r.Name} starts it.";
        yield return "podkeeper gc DIR frees what only the fork needed.";
    }
}
