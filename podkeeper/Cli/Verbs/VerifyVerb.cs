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
        var verb = new Command("verify", "Hash every cell and every entry of the logs.") { pod, deep, pinFile };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            using Pod opened = Pod.Open(parsed.GetRequiredValue(pod), StoreAccess.Read, TimeProvider.System);
            if (parsed.GetValue(deep))
                Unlocking.Unlock(opened, parsed.GetValue(pinFile));
            VerifyReport report = opened.Verify(null, interrupt.Token);
            DeepReport? deepReport = parsed.GetValue(deep) ? opened.VerifyDeep(interrupt.Token) : null;
            VerifyReply reply = Reply(report, opened.Audit.Reader.Verify(), deepReport);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.VerifyReply, Lines);
            return (int)(reply.Sound ? ExitCode.Done : ExitCode.Damaged);
        });
        return verb;
    }

    private static VerifyReply Reply(VerifyReport r, AuditVerification audit, DeepReport? deep) => new(
        r.IsSound && audit.IsIntact && deep is not { DamagedCount: > 0 },
        r.Cells, r.DamagedCount, [.. r.Damaged.Select(d => new DamagedCellReply(d.Id?.ToString(), d.Segment, d.Slot))],
        r.MissingCount, [.. r.Missing.Select(id => id.ToString())],
        r.LogDamage ?? (r.NewestHeadLost ? "The newest head was lost: an older state was judged." : null),
        AuditVerb.StateOf(audit),
        deep is null ? null : new DeepReply(deep.Generations, deep.Chunks, deep.DamagedCount,
            [.. deep.Damaged.Select(d => new DamagedChunkReply(d.Session.ToString(), d.Generation, d.File, d.Chunk, d.What, d.Fork))]));

    private static IEnumerable<string> Lines(VerifyReply r)
    {
        yield return $"cells          {r.Cells} read, {r.DamagedCount} damaged, {r.MissingCount} missing";
        foreach (DamagedCellReply cell in r.Damaged)
            yield return $"  damaged      {cell.Id ?? "unknown cell"} (segment {cell.Segment}, slot {cell.Slot})";
        foreach (string id in r.Missing)
            yield return $"  missing      {id}";
        yield return $"log            {r.Log ?? "whole"}";
        yield return $"audit          {r.Audit.Entries} entries, {r.Audit.Break ?? "intact"}";
        if (r.Deep is { } deep)
        {
            yield return $"chunks         {deep.Chunks} of {deep.Generations} generations decoded, {deep.DamagedCount} damaged";
            foreach (DamagedChunkReply chunk in deep.Damaged)
            {
                string where = chunk.Chunk is { } number ? $"{chunk.File} chunk {number}" : "whole generation";
                yield return $"  damaged      {chunk.Session}@{chunk.Fork ?? $"{chunk.Generation}"} {where}: {chunk.What}";
            }
        }
        yield return r.Sound ? "All is well." : "DAMAGED: fetch what is damaged from a mirror, or get an older generation.";
    }
}
