using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Mirrors;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Mirror;
using VmPod.Vault.Cells;
using VmPod.Vault.Format.Store;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>restore MIRROR NEWDIR: a pod again from its mirror, which its recovery words open (podkeeper recover).</summary>
internal static class RestoreVerb
{
    internal static Command Create()
    {
        var mirror = new Argument<string>("MIRROR") { Description = "The mirror's folder, ssh://[user@]host[:port]/path, or pod://host[:port]." };
        var folder = new Argument<string>("NEWDIR") { Description = "A new folder for the pod." };
        var head = new Option<ulong?>("--head") { HelpName = "NUMBER", Description = "As it was at this head, and not the newest." };
        var before = new Option<DateTimeOffset?>("--before")
        {
            HelpName = "TIME",
            Description = "As it was then: what was forgotten since may still be there.",
        };
        Option<string> ssh = Arguments.Ssh(), remote = Arguments.RemoteCommand();
        var verb = new Command("restore", "Make a pod again from its mirror. Its recovery words then open it: podkeeper recover NEWDIR.")
        {
            mirror, folder, head, before, ssh, remote,
        };
        var pairing = new KeeperPairing();
        pairing.AddTo(verb);
        verb.SetAction(parsed =>
        {
            (ulong? number, DateTimeOffset? time) = (parsed.GetValue(head), parsed.GetValue(before));
            Func<HeadRecord, bool>? isWanted = number is null && time is null ? null
                : h => h.Seq <= (number ?? ulong.MaxValue) && h.TimeMs <= (time?.ToUnixTimeMilliseconds() ?? long.MaxValue);
            MirrorPlace place = MirrorPlace.Parse(parsed.GetRequiredValue(mirror));
            return Restore(place, pairing.Of(parsed, place), Path.GetFullPath(parsed.GetRequiredValue(folder)), isWanted,
                new SshOptions(Arguments.Words(parsed.GetRequiredValue(ssh)), parsed.GetRequiredValue(remote)), parsed.GetValue(Arguments.Json));
        });
        return verb;
    }

    private static int Restore(MirrorPlace place, KeeperPairing.Wish? wish, string folder, Func<HeadRecord, bool>? isWanted, SshOptions options, bool json)
    {
        if (File.Exists(Path.Combine(folder, "vault.json")))
            throw new VmPodException(ExitCode.Refused, $"{folder} holds a vault already.", "Name a new folder.");
        using var interrupt = new Interrupt();
        string keepers = Keepers.Waiting(folder);
        if (wish is not null)
        {
            using Pairing pairing = wish.Pair(place, interrupt.Token);
            Keepers.Save(keepers, pairing, place);
        }
        IMirrorReader newest = place.IsPod ? PodLink.Connect(place, keepers, interrupt.Token) : place.Host is not null ? SshLink.Connect(place, options).Client
            : CopyReader.Open(place.Folder, TimeProvider.System, interrupt.Token);
        using IMirrorReader from = isWanted is null ? newest
            : new OlderCopy(newest, isWanted, folder.TrimEnd('/') + ".logs", TimeProvider.System, interrupt.Token);
        MirrorResult result;
        int absent;
        using (var to = new MirrorFolder(folder, delay: null, isDismissed: false, TimeProvider.System, interrupt.Token))
        using (var progress = new ProgressLine())
        {
            result = MirrorRun.Run(from, to, MirrorWishes.None, progress, interrupt.Token);
            absent = to.FindMissing().Length;
        }
        MirrorNotes.Remove(folder);
        // From here on it is the restored pod's: it goes on being mirrored there.
        if (place.IsPod)
            Keepers.HandOver(folder);
        var reply = new RestoreReply(CellStore.ReadDescriptor(folder).VaultId.ToString("x32", CultureInfo.InvariantCulture), folder, result.Head,
            result.Cells, result.Bytes, absent);
        Output.Print(json, reply, ReplyJson.Default.RestoreReply, Lines);
        return (int)(absent > 0 ? ExitCode.Damaged : ExitCode.Done);
    }

    private static IEnumerable<string> Lines(RestoreReply r)
    {
        yield return $"restored       {r.Cells} cells, {Output.Bytes(r.Bytes)} with the log, up to head {r.Head}";
        if (r.Absent > 0)
        {
            yield return $"DAMAGED        {r.Absent} cells that are needed are not whole in the mirror; "
                + $"if there is another copy: podkeeper repair {r.Folder} --from COPY, after recover";
        }
        yield return $"Next: podkeeper recover {r.Folder}, with the recovery words. It gets a new passphrase and new device secrets, and all leases are ended.";
    }
}
