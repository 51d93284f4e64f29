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
        Argument<string?> session = Arguments.OneSession();
        var all = new Option<bool>("--all") { Description = "Show all generations, not the newest ones of each line." };
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("sessions", "Show sessions and their history: generations, and forks where they left it.") { pod, session, all, pinFile };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            string? which = parsed.GetValue(session);
            SessionsReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Sessions, which is null ? [] : [which], ReplyJson.Default.SessionsReply)
                : DescribeHere(folder, which, parsed.GetValue(pinFile));
            bool isWhole = parsed.GetValue(all);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.SessionsReply, r => Lines(r, isWhole));
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

    /// <summary>The sessions that are meant: one, by name or handle, or all.</summary>
    internal static IReadOnlyList<SessionSummary> Which(Pod pod, string? name)
    {
        IReadOnlyList<SessionSummary> all = pod.Vault.ListSessions();
        if (name is null)
            return all;
        // By handle also while locked.
        return [all.FirstOrDefault(s => s.Handle.ToString() == name) ?? pod.Vault.FindSession(name)];
    }

    /// <summary>What is said of a fork.</summary>
    internal static ForkReply Describe(ForkInfo fork, SessionHistory history, ForkOrigin origin, int cellBytes)
    {
        (ulong? parent, string? from) = ParentOf(fork.Hash, history);
        return new ForkReply(ForkName.Of(fork.LeaseId), GenerationKinds.NameOf(fork.Record.Kind), GenerationKinds.TimeOf(fork.Record.TimeMs),
            (long)fork.Record.LiveCount * cellBytes, (long)fork.Record.AddedCount * cellBytes, parent ?? (from is null ? fork.Parent?.Generation : null),
            StateOf(fork.Trust), from, LeaseOf(fork.Record), origin.HostName, origin.HandedIn, !history.TakenUp.Contains(fork.Hash));
    }

    private static SessionReply Describe(Pod pod, SessionSummary session)
    {
        SessionHistory history = pod.Vault.HistoryOf(session.Handle);
        IReadOnlyDictionary<ulong, string>? labels = pod.Vault.IsUnlocked ? pod.LabelsOf(session) : null;
        IReadOnlyDictionary<ulong, ForkOrigin> origins = pod.OriginsOf(session.Handle, history.Forks);
        int cell = pod.Vault.Descriptor.CellBytes;
        return new SessionReply(session.Handle.ToString(), session.Name, session.LeaseIsOpen ? "open" : "none", session.Commits,
        [
            .. history.Generations.Select(g =>
            {
                (ulong? parent, string? from) = ParentOf(g.Hash, history);
                return new GenerationReply(g.Record.Generation, GenerationKinds.NameOf(g.Record.Kind),
                    GenerationKinds.TimeOf(g.Record.TimeMs), labels?.GetValueOrDefault(g.Record.Generation),
                    (long)g.Record.LiveCount * cell, (long)g.Record.AddedCount * cell, parent, from, StateOf(g.Trust), LeaseOf(g.Record));
            }),
        ],
        [.. history.Forks.Select(f => Describe(f, history, origins[f.LeaseId], cell))],
        StateOf(pod.Vault.TrustOfTip(session.Handle)), HeadOf(history),
            session.Tip.Kind == GenerationKind.Draft ? GenerationKinds.TimeOf(session.Tip.TimeMs) : null);
    }

    private static (ulong? Generation, string? Fork) ParentOf(Digest hash, SessionHistory history) =>
        !history.Parents.TryGetValue(hash, out Digest parent) ? (null, null)
        : history.Forks.FirstOrDefault(f => f.Hash == parent) is { } fork ? (null, ForkName.Of(fork.LeaseId))
        : (history.Generations.First(g => g.Hash == parent).Record.Generation, null);

    private static string? HeadOf(SessionHistory history) =>
        history.Forks.FirstOrDefault(f => f.Hash == history.Head) is { } fork ? $"@{ForkName.Of(fork.LeaseId)}"
        : history.Generations.FirstOrDefault(g => g.Hash == history.Head) is { } generation ? $"@{generation.Record.Generation}" : null;

    private static string LeaseOf(CommitRecord record) => record.LeaseId.ToString("x16", CultureInfo.InvariantCulture);

    private static string StateOf(CommitTrust trust) => trust.ToString().ToLowerInvariant();

    private static IEnumerable<string> Lines(SessionsReply reply, bool isWhole)
    {
        if (reply.Sessions.Count == 0)
            yield return "The vault holds no session.";
        else if (!reply.Unlocked)
            yield return "The pod is locked: sessions by handle, without names.";
        foreach (SessionReply session in reply.Sessions)
        {
            string name = session.Name ?? session.Handle;
            yield return $"{name}{(session.Lease == "open" ? "  (lease open)" : "")}" + (session.Tip == "sound" ? "" : $"  (newest commit {session.Tip})");
            foreach (string line in new HistoryTree(session, TreeSigns.OfThisTerminal, isWhole).Lines())
                yield return $"  {line}";
            int waiting = session.Forks.Count(f => f.Waits);
            if (waiting > 0)
                yield return $"  {(waiting == 1 ? "A fork waits" : $"{waiting} forks wait")} for your word: podkeeper forks DIR {name}";
        }
    }
}
