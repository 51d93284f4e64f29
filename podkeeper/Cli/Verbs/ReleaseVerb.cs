using System.CommandLine;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>release DIR SESSION [--break]: ends a lease that was left open.</summary>
internal static class ReleaseVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod(), session = Arguments.Session();
        var otherHost = new Option<bool>("--break")
        {
            Description = "Also if another host holds it; what that host has not saved stays behind.",
        };
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("release", "End a lease that its holder left open.") { pod, session, otherHost, pinFile };
        verb.SetAction(parsed =>
        {
            string name = parsed.GetRequiredValue(session);
            string folder = parsed.GetRequiredValue(pod);
            bool breaks = parsed.GetValue(otherHost);
            ReleaseReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Release, breaks ? [name, ServedCommands.Break] : [name], ReplyJson.Default.ReleaseReply)
                : ReleaseHere(folder, name, breaks, parsed.GetValue(pinFile));
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.ReleaseReply,
                r => [r.WasOpen ? $"The lease of {r.Session} is ended." : $"{r.Session} has no open lease."]);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    private static ReleaseReply ReleaseHere(string folder, string session, bool breaks, string? pinFile)
    {
        using Pod opened = Pod.Open(folder, StoreAccess.Write, TimeProvider.System);
        Unlocking.Unlock(opened, pinFile);
        return new ReleaseReply(session, opened.Release(session, breaks));
    }
}
