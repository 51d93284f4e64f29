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
        var salvage = new Option<bool>("--salvage")
        {
            Description = "Of a damaged generation give back what is whole, with holes in place of lost chunks; ends with 5 if there are any.",
        };
        var verb = new Command("get", "Get a generation's files.") { pod, session, output, salvage, pinFile };
        verb.SetAction(parsed =>
        {
            using var interrupt = new Interrupt();
            (string name, ulong? generation, ulong? fork) = Split(parsed.GetRequiredValue(session));
            using Pod opened = Pod.Open(parsed.GetRequiredValue(pod), StoreAccess.Read, TimeProvider.System);
            Unlocking.Unlock(opened, parsed.GetValue(pinFile));
            string folder = parsed.GetRequiredValue(output);
            GetReply reply;
            using (var progress = new ProgressLine())
            {
                reply = parsed.GetValue(salvage)
                    ? Salvaged(name, fork, opened.Salvage(name, generation, folder, progress, interrupt.Token, fork))
                    : Got(name, fork, opened.Get(name, generation, folder, progress, interrupt.Token, fork));
            }
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.GetReply, Lines);
            return (int)(reply.Salvage is { LostBytes: > 0 } or { AsDisks.Count: > 0 } ? ExitCode.Damaged : ExitCode.Done);
        });
        return verb;
    }

    private static GetReply Got(string name, ulong? fork, (SnapshotReader.Summary Summary, ulong Generation) got) => new(name, got.Generation,
        fork is { } left ? ForkName.Of(left) : null, got.Summary.Files, got.Summary.BytesWritten, Math.Round(got.Summary.Elapsed.TotalSeconds, 3), null);

    private static GetReply Salvaged(string name, ulong? fork, (SnapshotSalvage.Summary Summary, ulong Generation) got) => new(name, got.Generation,
        fork is { } left ? ForkName.Of(left) : null, got.Summary.Files, got.Summary.BytesWritten, Math.Round(got.Summary.Elapsed.TotalSeconds, 3),
        new SalvageReply(got.Summary.LostBytes, [.. got.Summary.Lost.Select(l => new SalvageReply.Chunks(l.File, l.First, l.Last, l.What))],
            got.Summary.AsDisks));

    private static IEnumerable<string> Lines(GetReply r)
    {
        yield return $"{r.Session}@{r.Fork ?? $"{r.Generation}"}: {r.Files} files, {Output.Bytes(r.BytesWritten)} written in {r.WallS:0.0} s.";
        foreach (SalvageReply.Chunks lost in r.Salvage?.Lost ?? [])
            yield return $"  lost         {lost.File} {Output.Chunks(lost.First, lost.Last)}: {lost.What}";
        foreach (string disk in r.Salvage?.AsDisks ?? [])
            yield return $"  as a disk    {disk}: the VMDK around it could not be put together";
        if (r.Salvage is { LostBytes: > 0 } salvage)
            yield return $"DAMAGED: {Output.Bytes(salvage.LostBytes)} are lost; there are holes in their place. Chunks are 64 KiB, numbered from 0.";
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
