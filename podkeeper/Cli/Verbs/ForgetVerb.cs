using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.House;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>forget DIR SESSION@GEN... | SESSION --keep-last N...: lets generations go. What that frees is gc's.</summary>
internal static class ForgetVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var which = new Argument<string[]>("SESSION[@GEN]")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = "Generations or forks of one session; or the session, with a rule.",
        };
        Option<int> last = Rule("--keep-last", "Keep the newest N."), daily = Rule("--keep-daily", "Keep the newest of each of the newest N days (UTC)."),
            weekly = Rule("--keep-weekly", "Keep the newest of each of the newest N weeks (UTC).");
        Option<bool> dryRun = Arguments.DryRun();
        Option<string?> pinFile = Arguments.PinFile();
        var verb = new Command("forget", "Let generations go; gc then frees their space.") { pod, which, last, daily, weekly, dryRun, pinFile };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            string[] asked = [.. ((IEnumerable<int>)[parsed.GetValue(dryRun) ? 1 : 0, parsed.GetValue(last), parsed.GetValue(daily), parsed.GetValue(weekly)])
                .Select(n => n.ToString(CultureInfo.InvariantCulture)), .. parsed.GetRequiredValue(which)];
            // Says so before anybody is asked.
            _ = Read(asked);
            ForgetReply reply = Served.Is(folder) ? Served.Ask(folder, ServedCommands.Forget, asked, ReplyJson.Default.ForgetReply)
                : ForgetHere(folder, asked, parsed.GetValue(pinFile));
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.ForgetReply, Lines);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    /// <summary>Does it: dry run, last, daily, weekly, then what is named.</summary>
    internal static ForgetReply Forget(Pod pod, IReadOnlyList<string> asked)
    {
        (bool isDryRun, KeepRules rules, string session, List<ulong> generations, List<ulong> forks) = Read(asked);
        ForgetPlan plan = rules.AreEmpty ? pod.Vault.PlanForget(session, generations, forks) : pod.Vault.PlanForget(session, rules);
        if (!isDryRun)
            pod.Forget(plan);
        return new ForgetReply(session, isDryRun, [.. plan.Generations.Select(g => g.Record.Generation)], [.. plan.Forks.Select(f => ForkName.Of(f.LeaseId))],
            [.. plan.Stays.Select(s => new StayReply(s.Generation, s.Why))], plan.CellsFreed, plan.CellsFreed * pod.Vault.Descriptor.CellBytes);
    }

    private static (bool IsDryRun, KeepRules Rules, string Session, List<ulong> Generations, List<ulong> Forks) Read(IReadOnlyList<string> asked)
    {
        int[] numbers = [.. asked.Take(4).Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
        var rules = new KeepRules(numbers[1], numbers[2], numbers[3]);
        var names = asked.Skip(4).Select(GetVerb.Split).ToList();
        if (names.Select(n => n.Session).Distinct().Count() > 1)
            throw Usage("All of them must be of one session.");
        if (numbers.Skip(1).Any(n => n < 0) || rules.AreEmpty == names.Any(n => n.Generation is null && n.Fork is null))
            throw Usage("Name generations (SESSION@GEN), or a session and how many to keep (--keep-last N).");
        if (!rules.AreEmpty && names.Any(n => n.Generation is not null || n.Fork is not null))
            throw Usage("Rules are for a whole session.");
        return (numbers[0] != 0, rules, names[0].Session, [.. names.Select(n => n.Generation).OfType<ulong>()], [.. names.Select(n => n.Fork).OfType<ulong>()]);
    }

    private static ForgetReply ForgetHere(string folder, string[] asked, string? pinFile)
    {
        using Pod opened = Pod.Open(folder, StoreAccess.Write, TimeProvider.System);
        Unlocking.Unlock(opened, pinFile);
        return Forget(opened, asked);
    }

    private static Option<int> Rule(string name, string description) => new(name) { HelpName = "N", Description = description };

    private static VmPodException Usage(string what) => new(ExitCode.Usage, what, "podkeeper forget --help says what there is.");

    private static IEnumerable<string> Lines(ForgetReply r)
    {
        string names = string.Join(", ", r.Generations.Select(g => $"@{g}").Concat(r.Forks.Select(f => $"@{f}")));
        yield return names.Length == 0 ? $"{r.Session}: nothing to forget." : $"{r.Session}: {names} {(r.DryRun ? "would be" : "were")} forgotten.";
        foreach (StayReply s in r.Stays)
            yield return $"  @{s.Generation,-4} stays: {s.Why}";
        if (names.Length > 0)
            yield return $"podkeeper gc DIR {(r.DryRun ? "could then free" : "frees")} {r.CellsToFree} cells, {Output.Bytes(r.BytesToFree)}, for it.";
    }
}
