using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>sessions DIR [SESSION]: what the vault holds; names and labels only while it is unlocked.</summary>
internal static class SessionsVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var session = new Argument<string?>("SESSION")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "One session only: its name, or its handle.",
        };
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("sessions", "List sessions and generations.") { pod, session, pinFile };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            string? which = parsed.GetValue(session);
            SessionsReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Sessions, which is null ? [] : [which], ReplyJson.Default.SessionsReply)
                : DescribeHere(folder, which, parsed.GetValue(pinFile));
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.SessionsReply, Lines);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    /// <summary>What is said of a pod's sessions, or of one.</summary>
    internal static SessionsReply Describe(Pod pod, string? session) => new(pod.Vault.Descriptor.VaultId.ToString("x32", CultureInfo.InvariantCulture),
        pod.Vault.IsUnlocked, [.. Which(pod, session).Select(s => Describe(pod, s))]);

    private static SessionsReply DescribeHere(string folder, string? session, string? pinFile)
    {
        using Pod opened = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
        Unlocking.UnlockIfOffered(opened, pinFile);
        return Describe(opened, session);
    }

    private static IReadOnlyList<SessionSummary> Which(Pod pod, string? name)
    {
        IReadOnlyList<SessionSummary> all = pod.Vault.ListSessions();
        if (name is null)
            return all;
        // By handle also while locked.
        return [all.FirstOrDefault(s => s.Handle.ToString() == name) ?? pod.Vault.FindSession(name)];
    }

    private static SessionReply Describe(Pod pod, SessionSummary session)
    {
        IReadOnlyList<GenerationInfo> generations = pod.Vault.ListGenerations(session.Handle);
        IReadOnlyDictionary<ulong, string>? labels = pod.Vault.IsUnlocked ? pod.LabelsOf(session) : null;
        IReadOnlyList<ForkInfo> forks = pod.Vault.ListForks(session.Handle);
        int cell = pod.Vault.Descriptor.CellBytes;
        return new SessionReply(session.Handle.ToString(), session.Name, session.LeaseIsOpen ? "open" : "none", session.Commits,
        [
            .. generations.Select(g => new GenerationReply(
                g.Record.Generation,
                KindOf(g.Record),
                TimeOf(g.Record),
                labels?.GetValueOrDefault(g.Record.Generation),
                (long)g.Record.LiveCount * cell,
                (long)g.Record.AddedCount * cell,
                generations.FirstOrDefault(p => p.Hash.Equals(g.Record.Parent))?.Record.Generation,
                forks.FirstOrDefault(p => p.Hash.Equals(g.Record.Parent)) is { } from ? ForkName.Of(from.LeaseId) : null, StateOf(g.Trust))),
        ],
        [
            .. forks.Select(f => new ForkReply(ForkName.Of(f.LeaseId), KindOf(f.Record), TimeOf(f.Record), (long)f.Record.LiveCount * cell,
                (long)f.Record.AddedCount * cell, f.Parent?.Generation, StateOf(f.Trust))),
        ], StateOf(pod.Vault.TrustOfTip(session.Handle)));
    }

    private static string StateOf(CommitTrust trust) => trust.ToString().ToLowerInvariant();

    private static string Said(string state) => state == "sound" ? "" : $"  {state}";

    private static string KindOf(CommitRecord record) => record.Kind switch
    {
        GenerationKind.DiskOnly => "disk-only",
        GenerationKind.Draft => "draft",
        _ => "checkpoint",
    };

    // What a host writes into its record is its own word: a time that no calendar has is shown as the last one that it has.
    private static DateTimeOffset TimeOf(CommitRecord record) =>
        DateTimeOffset.FromUnixTimeMilliseconds((long)Math.Min(record.TimeMs, (ulong)DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));

    private static IEnumerable<string> Lines(SessionsReply reply)
    {
        if (reply.Sessions.Count == 0)
            yield return "The vault holds no session.";
        else if (!reply.Unlocked)
            yield return "The pod is locked: sessions by handle, without names.";
        foreach (SessionReply session in reply.Sessions)
        {
            yield return $"{session.Name ?? session.Handle}{(session.Lease == "open" ? "  (lease open)" : "")}"
                + (session.Tip == "sound" ? "" : $"  (newest commit {session.Tip})");
            foreach (GenerationReply g in session.Generations)
            {
                yield return $"  @{g.Number,-4} {g.Time:yyyy-MM-dd HH:mm:ss}  {Output.Bytes(g.Bytes),10}  "
                    + $"+{Output.Bytes(g.BytesAdded),-10} {g.Kind}  {g.Label}{(g.Fork is null ? "" : $"  (goes on from {g.Fork})")}{Said(g.State)}";
            }
            foreach (ForkReply f in session.Forks)
            {
                yield return $"  @{f.Name} {f.Time:yyyy-MM-dd HH:mm:ss}  {Output.Bytes(f.Bytes),10}  +{Output.Bytes(f.BytesAdded),-10} {f.Kind}  "
                    + (f.Parent is { } parent ? $"left behind after @{parent}" : "left behind") + Said(f.State);
            }
        }
    }
}
