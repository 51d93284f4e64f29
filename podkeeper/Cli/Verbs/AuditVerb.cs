using System.CommandLine;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>audit show|verify DIR: who did what with this pod, and whether the log of it is whole. Needs no passphrase.</summary>
internal static class AuditVerb
{
    private const int HandleDigits = 32;

    internal static Command Create() => new("audit", "Read and check the audit log.") { CreateShow(), CreateVerify() };

    internal static AuditStateReply StateOf(AuditVerification v) => new(v.Entries, v.Signed, v.TornBytes, v.IsIntact, v.Break?.What);

    private static Command CreateShow()
    {
        Argument<string> pod = Arguments.Pod();
        var since = new Option<DateTimeOffset?>("--since")
        {
            HelpName = "TIME",
            Description = "Entries at or after this time, as 2026-01-31T18:00Z.",
        };
        var kind = new Option<string?>("--event") { HelpName = "NAME", Description = "Entries of this kind, as keys-granted." };
        var session = new Option<string?>("--session")
        {
            HelpName = "SESSION",
            Description = "Entries of this session: its handle, or its name while the pod is unlocked.",
        };
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("show", "List entries, oldest first.") { pod, since, kind, session, pinFile };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            if (parsed.GetValue(kind) is { } name && !AuditKinds.TryParse(name, out _))
            {
                throw new VmPodException(ExitCode.Usage, $"There is no kind of entry named {name}.",
                    $"There are: {string.Join(", ", Enum.GetValues<AuditKind>().Select(AuditKinds.NameOf))}.");
            }
            string? which = parsed.GetValue(session);
            bool isHandle = which is null || (which.Length == HandleDigits && which.All(char.IsAsciiHexDigitLower));
            string? handle;
            if (Served.Is(folder))
            {
                string? found = Served.Ask(folder, ServedCommands.Review, isHandle ? [] : [which!], ReplyJson.Default.ReviewReply).Session;
                handle = isHandle ? which : found;
            }
            else
            {
                handle = isHandle ? which : HandleOf(folder, which!, parsed.GetValue(pinFile));
                LogReview(folder);
            }
            var filter = new AuditFilter(parsed.GetValue(since), parsed.GetValue(kind), handle);
            AuditReader reader = AuditTrail.OpenReader(folder);
            var reply = new AuditShowReply(StateOf(reader.Verify()),
                [.. reader.Read(filter).Select(ReplyOf)]);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.AuditShowReply, Lines);
            return (int)(reply.State.Intact ? ExitCode.Done : ExitCode.Damaged);
        });
        return verb;
    }

    private static Command CreateVerify()
    {
        Argument<string> pod = Arguments.Pod();
        var verb = new Command("verify", "Check that no entry was changed, dropped or added.") { pod };
        verb.SetAction(parsed =>
        {
            AuditStateReply reply = StateOf(AuditTrail.OpenReader(parsed.GetRequiredValue(pod)).Verify());
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.AuditStateReply, r => [StateLine(r)]);
            return (int)(reply.Intact ? ExitCode.Done : ExitCode.Damaged);
        });
        return verb;
    }

    private static AuditEntryReply ReplyOf(AuditEntry e) =>
        new(e.Seq, e.Time, e.Event, e.Actor, e.Session, e.Outcome.ToString().ToLowerInvariant(), e.Detail);

    // The log knows handles only.
    private static string HandleOf(string folder, string session, string? pinFile)
    {
        using Pod pod = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
        Unlocking.Unlock(pod, pinFile);
        return pod.Vault.FindSession(session).Handle.ToString();
    }

    // Reading is logged where it can be: nothing keeps somebody who has the file from reading it unseen.
    private static void LogReview(string folder)
    {
        try
        {
            using Pod pod = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
            pod.Audit.Append(new AuditEvent(AuditKind.LogReviewed, AuditOutcome.Ok));
        }
        catch (VmPodException e)
        {
            Console.Error.WriteLine($"podkeeper: This reading is not in the log. {e.Message}");
        }
    }

    private static IEnumerable<string> Lines(AuditShowReply reply)
    {
        foreach (AuditEntryReply e in reply.Entries)
        {
            string detail = string.Join(' ', e.Detail.Select(d => $"{d.Key}={d.Value}"));
            yield return $"{e.Seq,6}  {e.Time:yyyy-MM-dd HH:mm:ss}  {e.Event,-16} {e.Outcome,-8} {e.Session ?? "-",-32}  {detail}";
        }
        yield return StateLine(reply.State);
    }

    private static string StateLine(AuditStateReply r) => r.Intact
        ? $"The log is whole: {r.Entries} entries, {r.Signed} signed for."
        : $"The log is BROKEN: {r.Break}";
}
