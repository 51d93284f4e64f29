using System.CommandLine;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Vault.Cells;
using VmPod.Vault.Snapshots;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>put DIR SESSION PATH...: files become the session's next generation.</summary>
internal static class PutVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod(), session = Arguments.Session();
        var paths = new Argument<string[]>("PATH")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "Files, or folders whose contents are put.",
        };
        var label = new Option<string>("--label")
        {
            HelpName = "TEXT",
            Description = "Why; it is sealed with the generation.",
            DefaultValueFactory = _ => "put",
        };
        var oracle = new Option<string?>("--oracle")
        {
            HelpName = "off",
            Description = "'off': the session's chunks are stored alone from now on, for good, so that sizes tell little of what is in them. It costs room.",
        };
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("put", "Put files into a session as its next generation.") { pod, session, paths, label, oracle, pinFile };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            string name = parsed.GetRequiredValue(session);
            bool storeAlone = parsed.GetValue(oracle) switch
            {
                null => false,
                "off" => true,
                _ => throw new VmPodException(ExitCode.Usage, "--oracle can only be 'off'.", "Leave it out otherwise."),
            };
            using Pod opened = Pod.Open(parsed.GetRequiredValue(pod), StoreAccess.Write, TimeProvider.System);
            Unlocking.Unlock(opened, parsed.GetValue(pinFile));
            SnapshotWriter.Summary s;
            using (var progress = new ProgressLine())
            {
                opened.CheckProgress = progress;
                s = opened.Put(name, parsed.GetRequiredValue(paths), parsed.GetRequiredValue(label), progress, interrupt.Token, storeAlone);
            }
            var reply = new PutReply(name, s.Commit.Record.Generation, s.CellsAdded, s.BytesAdded, s.BytesRead, s.ChunksStored, s.ChunksShared,
                s.ChunksUnchanged, s.ChunksZero, s.PagesReferenced, s.PagesDifferent, s.Files,
                Math.Round(s.Elapsed.TotalSeconds, 3), s.LeftOut, s.StoredWhole, opened.Vault.Space().IsLow);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.PutReply, Lines);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    private static IEnumerable<string> Lines(PutReply r)
    {
        yield return $"{r.Session}@{r.Generation}: {r.Files} files, {Output.Bytes(r.BytesRead)} read, "
            + $"{Output.Bytes(r.BytesAdded)} added in {r.WallS:0.0} s.";
        foreach (string name in r.LeftOut)
            yield return $"left out       {name} (VMware makes it anew)";
        foreach (string file in r.StoredWhole)
            yield return $"stored whole   {file}";
        if (r.LowSpace)
            yield return "attention      " + StatusVerb.NearlyFull;
    }
}
