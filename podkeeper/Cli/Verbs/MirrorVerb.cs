using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.PodKeeper.Mirrors;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Mirror;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>mirror DIR DEST: keeps a copy of a pod elsewhere, without a key. mirror DIR: what the mirror DIR keeps to.</summary>
internal static class MirrorVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var destination = new Argument<string?>("DEST")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "A new folder or an earlier mirror of this pod, ssh://[user@]host[:port]/path, or pod://host[:port]. Without it DIR is a mirror, "
                + "to be set.",
        };
        Option<bool> dryRun = Arguments.DryRun();
        var check = new Option<bool>("--check") { Description = "Hash what the mirror has, and send again what is damaged there." };
        var delay = new Option<int?>("--forget-delay")
        {
            HelpName = "DAYS",
            Description = "How long the mirror keeps what was forgotten; 7 for a new one. Of a mirror elsewhere it is set there.",
        };
        var dismiss = new Option<bool>("--dismiss-alarm") { Description = "An older or another state was shown to the mirror, and all is well." };
        Option<string> ssh = Arguments.Ssh(), remote = Arguments.RemoteCommand();
        var pairing = new KeeperPairing();
        var verb = new Command("mirror", "Keep a copy of a pod elsewhere. It needs no passphrase: what is copied is sealed.")
        {
            pod, destination, dryRun, check, delay, dismiss, ssh, remote,
        };
        pairing.AddTo(verb);
        verb.SetAction(parsed =>
        {
            string folder = Path.GetFullPath(parsed.GetRequiredValue(pod));
            bool json = parsed.GetValue(Arguments.Json), isDismissed = parsed.GetValue(dismiss);
            TimeSpan? wait = parsed.GetValue(delay) is not { } days ? null : days is >= 0 and <= PodLimits.ForgetDelayDaysMax ? TimeSpan.FromDays(days)
                : throw new VmPodException(ExitCode.Usage, $"A delay has 0 to {PodLimits.ForgetDelayDaysMax} days.", "--forget-delay 7");
            if (parsed.GetValue(destination) is not { } text)
                return Settings(folder, wait, isDismissed, json);
            MirrorPlace place = MirrorPlace.Parse(text);
            if (place.Host is not null && (wait is not null || isDismissed))
            {
                // Who has the pod does not say how long another machine keeps what he forgets (rule 34).
                throw new VmPodException(ExitCode.Usage, "What a mirror on another machine keeps to is set there.",
                    $"There: podkeeper mirror {(place.IsPod ? "COPY" : place.Folder)} --forget-delay DAYS, or --dismiss-alarm.");
            }
            var options = new SshOptions(Arguments.Words(parsed.GetRequiredValue(ssh)), parsed.GetRequiredValue(remote));
            return Mirror(folder, place, text, new Wishes(parsed.GetValue(dryRun), parsed.GetValue(check), wait, isDismissed, options)
            {
                Pairing = pairing.Of(parsed, place),
            }, json);
        });
        return verb;
    }

    private static int Mirror(string folder, MirrorPlace place, string text, Wishes wishes, bool json)
    {
        using var interrupt = new Interrupt();
        string? paired = wishes.Pairing is { } wish ? Pair(folder, place, wish, interrupt.Token) : null;
        using Stream? served = Served.OpenCopy(folder);
        // The log alone: readers of a vault may be several.
        using Pod? pod = served is null ? Pod.Open(folder, StoreAccess.Read, TimeProvider.System) : null;
        using IMirrorReader from = served is not null ? new MirrorClient(served, served, null) : new CopyReader(pod!.Vault, null, interrupt.Token);
        using IMirrorWriter to = place.IsPod ? PodLink.Connect(place, Keepers.Of(folder), interrupt.Token)
            : place.Host is not null ? SshLink.Connect(place, wishes.Ssh).Client
            : new MirrorFolder(place.Folder, wishes.Delay, wishes.IsDismissed, TimeProvider.System, interrupt.Token);
        MirrorResult result;
        using (var progress = new ProgressLine())
            result = MirrorRun.Run(from, to, (wishes.IsDry ? MirrorWishes.Dry : 0) | (wishes.Checks ? MirrorWishes.Check : 0), progress, interrupt.Token);
        if (!wishes.IsDry)
            Log(folder, pod, result);
        bool isAlarm = result.Verdict is MirrorVerdict.Older or MirrorVerdict.Forked;
        var reply = new MirrorReply(CellStore.ReadDescriptor(folder).VaultId.ToString("x32", CultureInfo.InvariantCulture), text, wishes.IsDry,
            result.Verdict.ToString().ToLowerInvariant(), result.Head, result.HeadBefore, result.Cells, result.Bytes, result.AuditBytes, result.Absent.Count,
            result.Freed, isAlarm || wishes.IsDry ? null : TimeProvider.System.GetUtcNow(), paired);
        Output.Print(json, reply, ReplyJson.Default.MirrorReply, Lines);
        return (int)(isAlarm || result.Absent.Count > 0 ? ExitCode.Damaged : ExitCode.Done);
    }

    // The entry first: no pairing that the log does not know. The pod is open for that alone: a person may take minutes to type a code.
    private static string Pair(string folder, MirrorPlace place, KeeperPairing.Wish wish, CancellationToken cancel)
    {
        _ = CellStore.ReadDescriptor(folder);
        Keepers.CheckRoom(Keepers.Of(folder));
        using Pairing pairing = wish.Pair(place, cancel);
        string id = pairing.Id.ToString("x32", CultureInfo.InvariantCulture);
        if (Served.Is(folder))
        {
            _ = Served.Ask(folder, ServedCommands.NoteKeeper, [id, wish.Way.ToString()], ReplyJson.Default.NotedReply);
        }
        else
        {
            using Pod pod = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
            pod.LogKeeper(pairing.Id, wish.Way);
        }
        Keepers.Save(Keepers.Of(folder), pairing, place);
        return id;
    }

    private static void Log(string folder, Pod? pod, MirrorResult result)
    {
        if (pod is not null)
        {
            pod.LogMirror(result.Verdict, result.Head, result.Cells);
            return;
        }
        string[] arguments =
            [result.Verdict.ToString(), result.Head.ToString(CultureInfo.InvariantCulture), result.Cells.ToString(CultureInfo.InvariantCulture)];
        _ = Served.Ask(folder, ServedCommands.NoteMirror, arguments, ReplyJson.Default.NotedReply);
    }

    private static int Settings(string folder, TimeSpan? delay, bool isDismissed, bool json)
    {
        CellStore.CheckMirror(folder, CellStore.ReadDescriptor(folder));
        MirrorNotes notes = MirrorNotes.TryRead(folder)
            ?? throw new VmPodException(ExitCode.Refused, $"{folder} is no mirror.", "Name a DEST to mirror it to.");
        MirrorNotes now = notes with { Delay = delay ?? notes.Delay, AlarmMs = isDismissed ? 0 : notes.AlarmMs };
        if (now != notes)
            now.Write(folder);
        var reply = new MirrorSettingsReply(now.VaultId.ToString("x32", CultureInfo.InvariantCulture), now.Delay.TotalDays,
            now.AlarmMs == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(now.AlarmMs));
        Output.Print(json, reply, ReplyJson.Default.MirrorSettingsReply, r =>
        [
            string.Create(CultureInfo.InvariantCulture, $"A mirror of {r.Vault}. What was forgotten stays {r.ForgetDelayDays:0.##} days more."),
            r.AlarmAt is { } at
                ? $"ALARM since {at:yyyy-MM-dd HH:mm} UTC: an older or another state was shown to it. Nothing is freed until --dismiss-alarm."
                : "No alarm.",
        ]);
        return (int)ExitCode.Done;
    }

    private static IEnumerable<string> Lines(MirrorReply r)
    {
        if (r.Pairing is not null)
            yield return $"paired         {r.Destination} keeps a mirror of this pod; the pairing is {r.Pairing}";
        if (r.Verdict is "older" or "forked")
        {
            yield return r.Verdict == "older"
                ? $"ALARM: {r.Destination} has seen head {r.HeadBefore} of this pod, and this is head {r.Head}: it was rolled back, or is an old copy."
                : $"ALARM: this pod has another history than {r.Destination} has seen. It went on from an older state.";
            yield return "Nothing was changed there. Use the pod that has the newer state, or restore it: podkeeper restore MIRROR NEWDIR.";
            yield break;
        }
        yield return $"cells          {r.Cells} {(r.DryRun ? "would be sent" : "sent")}, {Output.Bytes(r.Bytes)} with the log";
        if (r.Absent > 0)
            yield return $"DAMAGED        {r.Absent} cells that the pod needs are whole neither here nor there: podkeeper verify, podkeeper repair";
        if (r.Freed > 0)
            yield return $"freed          {r.Freed} cells there, of what was forgotten long enough ago";
        if (r.WitnessedAt is { } at)
            yield return $"freshness      head {r.Head} witnessed by mirror {r.Destination} at {at:yyyy-MM-dd HH:mm:ss} UTC";
    }

    private sealed record Wishes(bool IsDry, bool Checks, TimeSpan? Delay, bool IsDismissed, SshOptions Ssh)
    {
        internal KeeperPairing.Wish? Pairing { get; init; }
    }
}
