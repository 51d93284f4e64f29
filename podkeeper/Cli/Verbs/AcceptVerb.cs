using System.CommandLine;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>accept DIR SESSION[@GEN]: the owner's word that leases may start from what is pending.</summary>
internal static class AcceptVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var session = new Argument<string>("SESSION[@GEN]")
        {
            Description = "The session, and the generation if not the newest, or a fork's name.",
        };
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("accept", "Let leases start from a generation that is pending, without looking into it.") { pod, session, pinFile };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod), which = parsed.GetRequiredValue(session);
            // Says so before anybody is asked.
            _ = GetVerb.Split(which);
            AcceptReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Accept, [which], ReplyJson.Default.AcceptReply)
                : AcceptHere(folder, which, parsed.GetValue(pinFile));
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.AcceptReply, r => [r.Accepted.Count == 0
                ? $"Nothing of {r.Session} is pending there."
                : $"{r.Session}: {string.Join(", ", r.Accepted)} accepted. Nobody has looked into it."]);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    private static AcceptReply AcceptHere(string folder, string which, string? pinFile)
    {
        using Pod opened = Pod.Open(folder, StoreAccess.Write, TimeProvider.System);
        Unlocking.Unlock(opened, pinFile);
        (string session, ulong? generation, ulong? fork) = GetVerb.Split(which);
        return new AcceptReply(session, opened.Accept(session, generation, fork));
    }
}
