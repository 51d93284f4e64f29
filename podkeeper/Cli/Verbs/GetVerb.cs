using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Snapshots;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>get DIR SESSION[@GEN] OUT: a generation's files, or a fork's, byte-exact and sparse.</summary>
internal static class GetVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var session = new Argument<string>("SESSION[@GEN]") { Description = "The session, and the generation if not the newest, or a fork's name." };
        var output = new Argument<string>("OUT") { Description = "A new or empty folder." };
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("get", "Get a generation's files.") { pod, session, output, pinFile };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            (string name, ulong? generation, ulong? fork) = Split(parsed.GetRequiredValue(session));
            using Pod opened = Pod.Open(parsed.GetRequiredValue(pod), StoreAccess.Read, TimeProvider.System);
            Unlocking.Unlock(opened, parsed.GetValue(pinFile));
            SnapshotReader.Summary s;
            ulong number;
            using (var progress = new ProgressLine())
                (s, number) = opened.Get(name, generation, parsed.GetRequiredValue(output), progress, interrupt.Token, fork);
            var reply = new GetReply(name, number, fork is { } left ? ForkName.Of(left) : null, s.Files, s.BytesWritten, Math.Round(s.Elapsed.TotalSeconds, 3));
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.GetReply,
                r => [$"{r.Session}@{r.Fork ?? $"{r.Generation}"}: {r.Files} files, {Output.Bytes(r.BytesWritten)} written in {r.WallS:0.0} s."]);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    // A session's name has no '@'.
    internal static (string Session, ulong? Generation, ulong? Fork) Split(string text)
    {
        int at = text.IndexOf('@', StringComparison.Ordinal);
        if (at < 0)
            return (text, null, null);
        if (ForkName.TryParse(text[(at + 1)..], out ulong fork))
            return (text[..at], null, fork);
        return ulong.TryParse(text.AsSpan(at + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            ? (text[..at], number, null)
            : throw new VmPodException(ExitCode.Usage, "What stands after '@' is the number of a generation, or the name of a fork.",
                "podkeeper sessions DIR SESSION lists them.");
    }
}
