using System.CommandLine;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>verify DIR [--deep]: is everything there, and is it what it was? Without --deep it needs no passphrase.</summary>
internal static class VerifyVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var deep = new Option<bool>("--deep")
        {
            Description = "Also open every cell and decode every chunk of every generation; needs the passphrase.",
        };
        Option<string?> pinFile = Arguments.PinFile();
        var witness = new Option<string?>("--witness")
        {
            HelpName = "FILE",
            Description = "Compare with the newest head that this file saw, and let it see this one. Keep it elsewhere than the pod.",
        };
        var verb = new Command("verify", "Hash every cell and every entry of the logs.") { pod, deep, witness, pinFile };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            using Pod opened = Pod.Open(parsed.GetRequiredValue(pod), StoreAccess.Read, TimeProvider.System);
            if (parsed.GetValue(deep))
                Unlocking.Unlock(opened, parsed.GetValue(pinFile));
            VerifyReport report;
            DeepReport? deepReport;
            using (var progress = new ProgressLine())
            {
                report = opened.Verify(progress, interrupt.Token);
                deepReport = parsed.GetValue(deep) ? opened.VerifyDeep(progress, interrupt.Token) : null;
            }
            // A damaged log says nothing of what it was; that it is damaged is said anyway.
            WitnessVerdict? seen = null;
            string? file = parsed.GetValue(witness);
            if (file is not null && report.LogDamage is null)
                seen = opened.ShowTo(file, interrupt.Token);
            VerifyReply reply = Reply(report, opened.Audit.Reader.Verify(), deepReport, seen);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.VerifyReply, Lines);
            return (int)(reply.Sound ? ExitCode.Done : ExitCode.Damaged);
        });
        return verb;
    }

    private static VerifyReply Reply(VerifyReport r, AuditVerification audit, DeepReport? deep, WitnessVerdict? seen) => new(
        // A damaged copy of a cell that stands elsewhere too (V-70), or that nothing needs, is told and costs nothing.
        r.IsComplete && audit.IsIntact && deep is not { DamagedCount: > 0 }
            && seen is not (WitnessVerdict.Older or WitnessVerdict.Forked),
        r.Cells, r.DamagedCount, [.. r.Damaged.Select(d => new DamagedCellReply(d.Id?.ToString(), d.Segment, d.Slot, d.IsNeeded))],
        r.MissingCount, [.. r.Missing.Select(id => id.ToString())],
        r.LogDamage ?? (r.NewestHeadLost ? "The newest head was lost: an older state was judged." : null),
        AuditVerb.StateOf(audit),
        deep is null ? null : DeepReply.Of(deep), seen?.ToString().ToLowerInvariant());

    private static IEnumerable<string> Lines(VerifyReply r)
    {
        yield return $"cells          {r.Cells} read, {r.DamagedCount} damaged, {r.MissingCount} missing";
        foreach (DamagedCellReply cell in r.Damaged)
        {
            string needed = cell.Needed ? "" : ", of which nothing is lost";
            yield return $"  damaged      {cell.Id ?? "unknown cell"} (segment {cell.Segment}, slot {cell.Slot}){needed}";
        }
        foreach (string id in r.Missing)
            yield return $"  missing      {id}";
        yield return $"log            {r.Log ?? "whole"}";
        yield return $"audit          {r.Audit.Entries} entries, {r.Audit.Break ?? "intact"}";
        if (r.Witness is { } seen)
        {
            yield return seen switch
            {
                "older" => "witness        ALARM: the witness saw a newer state of this pod. It was rolled back, or this is an old copy.",
                "forked" => "witness        ALARM: this pod has another history than the witness saw. It went on from an older state.",
                _ => $"witness        {seen}: it goes on from what the witness saw",
            };
        }
        foreach (string line in r.Deep?.Lines() ?? [])
            yield return line;
        yield return r.Sound
            ? "All is well."
            : r.Witness is "older" or "forked" ? "NOT FRESH: what is here is whole, and not the newest. Use the pod that has the newer state."
            : "DAMAGED: podkeeper repair DIR --from COPY fetches it from another copy; get --salvage gives back the rest of a generation.";
    }
}
