using System.CommandLine;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Mirrors;
using VmPod.Vault;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>repair DIR [--from COPY] [--dry-run]: fetches what is damaged or missing from another copy of the vault.</summary>
internal static class RepairVerb
{
    private const int LeftListed = 1000;

    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        Option<string?> pinFile = Arguments.PinFile();
        var from = new Option<string?>("--from")
        {
            HelpName = "COPY",
            Description = "Another copy of the pod's folder, or its mirror, or ssh://[user@]host[:port]/path or pod://host[:port] of one; it may be damaged "
                + "too.",
        };
        var dryRun = new Option<bool>("--dry-run") { Description = "Say what would be fetched, and change nothing." };
        Option<string> ssh = Arguments.Ssh(), remote = Arguments.RemoteCommand();
        var verb = new Command("repair", "Fetch damaged and missing cells, and damaged pieces of the log, from another copy. Needs no passphrase; "
            + "with one (or the key agent's) it says to the chunk what stays lost.") { pod, from, dryRun, pinFile, ssh, remote };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            string folder = parsed.GetRequiredValue(pod);
            bool isDry = parsed.GetValue(dryRun);
            DeepReply? lost = null;
            string? copy = parsed.GetValue(from);
            MirrorPlace? place = copy is null ? null : MirrorPlace.Parse(copy);
            var options = new SshOptions(Arguments.Words(parsed.GetRequiredValue(ssh)), parsed.GetRequiredValue(remote));
            using RemoteCopy? elsewhere = place?.Host is null ? null : new RemoteCopy(
                place.IsPod ? PodLink.Connect(place, Keepers.Of(folder), interrupt.Token) : SshLink.Connect(place, options).Client, TimeProvider.System);
            (Pod opened, LogRepairReport log, RepairReport cells) repaired;
            using (var progress = new ProgressLine())
            {
                repaired = elsewhere is not null ? Pod.Repair(folder, elsewhere, isDry, TimeProvider.System, progress, interrupt.Token)
                    : Pod.Repair(folder, copy, isDry, TimeProvider.System, progress, interrupt.Token);
                using Pod opened = repaired.opened;
                if (repaired.cells.Left.Count > 0 || repaired.log.LeftDamaged.Count > 0)
                {
                    Unlocking.UnlockIfOffered(opened, parsed.GetValue(pinFile));
                    if (opened.Vault.IsUnlocked)
                        lost = DeepReply.Of(opened.VerifyDeep(progress, interrupt.Token));
                }
            }
            RepairReply reply = Reply(repaired.log, repaired.cells, isDry, lost);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.RepairReply, Lines);
            return (int)(reply.Whole || (isDry && reply is { LeftCount: 0, LogLeft: 0 }) ? ExitCode.Done : ExitCode.Damaged);
        });
        return verb;
    }

    private static RepairReply Reply(LogRepairReport log, RepairReport cells, bool isDry, DeepReply? lost)
    {
        bool nothingLeft = cells.Left.Count == 0 && log.LeftDamaged.Count == 0;
        return new RepairReply(nothingLeft && !(isDry && (cells.FetchedCount > 0 || log.Pieces.Count > 0)), isDry, cells.MissingCount, cells.FetchedCount,
            cells.Left.Count, [.. cells.Left.Take(LeftListed).Select(id => id.ToString())], log.Pieces.Count, log.Pieces.Sum(p => p.Bytes),
            log.LeftDamaged.Count, lost, log.SlotsAnew);
    }

    private static IEnumerable<string> Lines(RepairReply r)
    {
        string would = r.DryRun ? "would be " : "";
        yield return $"cells          {r.Missing} missing or damaged, {r.Fetched} {would}fetched, {r.LeftCount} left";
        foreach (string id in r.Left)
            yield return $"  lost         {id}";
        if (r.SlotsAnew)
            yield return $"slots          {would}made anew: none was sound, and the log leads to what the copy has seen";
        yield return $"log            {r.LogPieces} pieces ({Output.Bytes(r.LogBytes)}) {would}repaired, {r.LogLeft} left";
        foreach (string line in r.Lost?.Lines() ?? [])
            yield return line;
        if (r.LeftCount > 0 || r.LogLeft > 0)
        {
            yield return r.Lost is null
                ? "DAMAGED: with --pin-file it is said to the chunk what is lost; another copy may have it."
                : "DAMAGED: another copy may have it; podkeeper get DIR SESSION@GEN OUT --salvage gives back the rest.";
        }
        else
        {
            yield return r.Whole ? "Nothing is lost." : "All of it can be repaired.";
        }
    }
}
