using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>forks DIR [SESSION]: of each fork when and where it was left, and what it differs in from its session.</summary>
internal static class ForksVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        Argument<string?> session = Arguments.OneSession();
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("forks", "Show what forks differ in from their sessions.") { pod, session, pinFile };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            string folder = parsed.GetRequiredValue(pod);
            string? which = parsed.GetValue(session);
            ForksReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Forks, which is null ? [] : [which], ReplyJson.Default.ForksReply, patience: GcVerb.Patience)
                : DescribeHere(folder, which, parsed.GetValue(pinFile), interrupt.Token);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.ForksReply, Lines);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    /// <summary>What is said of forks.</summary>
    internal static ForksReply Describe(Pod pod, string? session, IProgress<long>? progress, CancellationToken cancel) => new(
        pod.Vault.Descriptor.VaultId.ToString("x32", CultureInfo.InvariantCulture), pod.Vault.IsUnlocked,
        [.. SessionsVerb.Which(pod, session).SelectMany(s => Describe(pod, s, progress, cancel))]);

    private static ForksReply DescribeHere(string folder, string? session, string? pinFile, CancellationToken cancel)
    {
        using Pod opened = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
        Unlocking.UnlockIfOffered(opened, pinFile);
        using var progress = new ProgressLine();
        return Describe(opened, session, progress, cancel);
    }

    private static List<ForkDetailReply> Describe(Pod pod, SessionSummary session, IProgress<long>? progress, CancellationToken cancel)
    {
        var told = new List<ForkDetailReply>();
        if (pod.Vault.ListForks(session.Handle).Count == 0)
            return told;
        SessionHistory history = pod.Vault.HistoryOf(session.Handle);
        IReadOnlyDictionary<ulong, ForkOrigin> origins = pod.OriginsOf(session.Handle, history.Forks);
        int cell = pod.Vault.Descriptor.CellBytes;
        foreach (ForkInfo fork in history.Forks)
        {
            ForkDistance? distance = pod.Vault.DistanceOf(fork);
            (ForkFilesReply? files, string? problem) = distance is not null && pod.Vault.IsUnlocked
                ? FilesOf(pod, session.Handle.ToString(), distance, progress, cancel) : (null, null);
            ForkOrigin origin = origins[fork.LeaseId];
            told.Add(new ForkDetailReply(session.Name ?? session.Handle.ToString(), SessionsVerb.Describe(fork, history, origin, cell), origin.Host,
                (distance?.Host ?? 0).ToString("x32", CultureInfo.InvariantCulture),
                distance?.LeasedMs is { } ms ? GenerationKinds.TimeOf(ms) : null, distance?.Ancestor is { } a ? NameOf(a) : null,
                distance is null ? null : GenerationKinds.TimeOf(distance.Head.TimeMs), SinceOf(distance?.OnFork, cell), SinceOf(distance?.OnHead, cell),
                files, problem));
        }
        return told;
    }

    private static (ForkFilesReply?, string?) FilesOf(Pod pod, string session, ForkDistance distance, IProgress<long>? progress, CancellationToken cancel)
    {
        try
        {
            ForkContents contents = pod.ContentsOf(session, distance, progress, cancel);
            return (new ForkFilesReply(contents.HasAncestor, contents.IsUpperBound, [.. contents.Streams.Select(s => new ForkFileReply(s.Name, s.ForkLength,
                s.HeadLength, s.Fork, s.Session, s.Both, s.Unknown,
                [.. s.Ranges.Select(r => new ForkRangeReply(r.Side.ToString().ToLowerInvariant(), r.First, r.Last))]))]), null);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            // The other forks can be compared.
            return (null, e.Message);
        }
    }

    private static ForkSinceReply? SinceOf(LineCells? since, int cell) =>
        since is { } line ? new ForkSinceReply(line.Commits, line.CellsAdded, line.CellsAdded * cell) : null;

    private static string NameOf(CommitRecord record) =>
        record.Kind == GenerationKind.Draft ? $"a draft after @{record.Generation}" : $"@{record.Generation}";

    private static IEnumerable<string> Lines(ForksReply r)
    {
        if (r.Forks.Count == 0)
            yield return "There is no fork.";
        foreach (ForkDetailReply d in r.Forks)
        {
            string name = $"{d.Session}@{d.Fork.Name}";
            yield return $"{name}  {d.Fork.Kind}, left behind by {d.HostText}{(d.Fork.State == "sound" ? "" : $"  {d.Fork.State}")}"
                + (d.Fork.Waits ? "" : "  (the session went on from it)");
            yield return $"  last written {d.Fork.Time:yyyy-MM-dd HH:mm:ss} by that host's clock"
                + (d.LeaseBegan is { } began ? $"; its lease began {began:yyyy-MM-dd HH:mm:ss}" : "")
                + (d.Fork.HandedIn is { } came ? $"; handed in {came:yyyy-MM-dd HH:mm:ss}" : "");
            if (d is { ForkSince: { } ours, SessionSince: { } theirs })
            {
                yield return d.Ancestor is null ? "  nothing is known that both go on from" : $"  both go on from {d.Ancestor}; since then:";
                yield return $"    the fork     {Said(ours)}";
                yield return $"    the session  {Said(theirs)}, the last {d.SessionTime:yyyy-MM-dd HH:mm:ss}";
            }
            foreach (string line in FileLines(r, d))
                yield return line;
            if (!d.Fork.Waits)
                continue;
            yield return $"  to keep it   podkeeper keep DIR {name} NAME   (a session of its own)";
            yield return $"  to drop it   podkeeper forget DIR {name}";
            string verb = d.Fork.Kind == "checkpoint" ? "resume" : "boot";
            yield return $"  to go on     hostguard {verb} {d.Session} --fork {d.Fork.Name}   (as the session's line)";
        }
    }

    private static IEnumerable<string> FileLines(ForksReply r, ForkDetailReply d)
    {
        if (!r.Unlocked)
            yield return "  in which files they differ only an unlocked pod can say";
        if (d.FilesProblem is { } problem)
            yield return $"  in which files they differ cannot be said: {problem}";
        if (d.Files is not { } files)
            yield break;
        yield return files.Differ.Count == 0 ? "  their files are the same" : "  they differ in (chunks are 64 KiB):"
            + (files.HasAncestor ? "" : "  (what both go on from is gone, so nothing tells who wrote)");
        foreach (ForkFileReply f in files.Differ)
        {
            string[] counts = [.. ((IEnumerable<(long Count, string What)>)[(f.ForkChunks, "in the fork"), (f.SessionChunks, "in the session"),
                (f.BothChunks, "in both"), (f.UnknownChunks, "differ")]).Where(c => c.Count > 0).Select(c => $"{c.Count} {c.What}")];
            string length = f.ForkBytes == f.SessionBytes ? ""
                : f.ForkBytes is null ? "only the session has it" : f.SessionBytes is null ? "only the fork has it"
                : $"{f.ForkBytes} bytes in the fork, {f.SessionBytes} in the session";
            yield return $"    {f.File}: {string.Join("; ", ((IEnumerable<string>)[string.Join(", ", counts), length]).Where(t => t.Length > 0))}";
            if (f.Ranges.Count > 0)
                yield return $"      {string.Join(", ", f.Ranges.Select(g => $"{g.By} {(g.First == g.Last ? $"{g.First}" : $"{g.First}-{g.Last}")}"))}";
        }
        if (files.IsUpperBound)
            yield return "    not all were compared: what was stored anew since counts as different";
    }

    private static string Said(ForkSinceReply since) =>
        $"{since.Commits} {(since.Commits == 1 ? "commit" : "commits")}, {since.CellsAdded} cells, {Output.Bytes(since.BytesAdded)}";
}
