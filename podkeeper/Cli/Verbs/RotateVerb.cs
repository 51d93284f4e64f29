using System.CommandLine;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Vault.Cells;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>rotate DIR [SESSION]: a new epoch for one session or all of them. No cell is written.</summary>
internal static class RotateVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var session = new Argument<string?>("SESSION") { Description = "The session; all of them if none is named.", DefaultValueFactory = _ => null };
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("rotate", "Give sessions a new epoch: what is written from the next lease on is under keys that nobody was given yet.")
        {
            pod, session, pinFile,
        };
        verb.SetAction(parsed =>
        {
            using Pod opened = Pod.Open(parsed.GetRequiredValue(pod), StoreAccess.Write, TimeProvider.System);
            Unlocking.Unlock(opened, parsed.GetValue(pinFile));
            IReadOnlyList<SessionSummary> sessions = parsed.GetValue(session) is { } name ? [opened.Vault.FindSession(name)] : opened.Vault.ListSessions();
            var reply = new RotateReply([.. sessions.Select(s => new RotateReply.Session(s.Handle.ToString(), s.Name, opened.Rotate(s), s.LeaseIsOpen))]);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.RotateReply, Lines);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    private static IEnumerable<string> Lines(RotateReply r)
    {
        foreach (RotateReply.Session s in r.Sessions)
        {
            yield return $"{s.Name ?? s.Handle}: epoch {s.Epoch}";
            if (s.LeaseIsOpen)
                yield return "  a lease is open: it goes on under the key of the epoch before until it ends (podkeeper release DIR SESSION).";
        }
        yield return "What was written before stays under its keys: who has those reads it.";
    }
}
