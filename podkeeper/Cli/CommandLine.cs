using System.CommandLine;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Verbs;

namespace VmPod.PodKeeper.Cli;

/// <summary>All verbs, and how each of them ends.</summary>
internal static class CommandLine
{
    /// <summary>Shells use it for a command that Ctrl-C ended (128 + SIGINT).</summary>
    internal const int Cancelled = 130;

    private static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    // Ctrl-C is ours: a put must put the vault back as it was.
    private static readonly InvocationConfiguration Invoking =
        new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };

    /// <summary>Runs one command line.</summary>
    internal static int Run(string[] args)
    {
        ParseResult parsed = Build().Parse(args, Parsing);
        bool json = args.Contains("--json", StringComparer.Ordinal);
        if (parsed.Errors.Count > 0)
        {
            string verb = parsed.CommandResult.Command is RootCommand ? "" : $" {parsed.CommandResult.Command.Name}";
            return Failures.Report(json, (int)ExitCode.Usage, parsed.Errors[0].Message, $"podkeeper{verb} --help says what there is.");
        }
        try
        {
            return parsed.Invoke(Invoking);
        }
        catch (Exception e)
        {
            return Failures.Report(json, e);
        }
    }

    private static RootCommand Build()
    {
        var root = new RootCommand("Keeps VM sessions on a pod: a folder of sealed cells that only its owner can open.");
        root.Options.Add(Arguments.Json);
        root.Subcommands.Add(InitVerb.Create());
        root.Subcommands.Add(UnlockVerb.Create());
        root.Subcommands.Add(LockVerb.Create());
        root.Subcommands.Add(StatusVerb.Create());
        root.Subcommands.Add(PutVerb.Create());
        root.Subcommands.Add(GetVerb.Create());
        root.Subcommands.Add(SessionsVerb.Create());
        root.Subcommands.Add(ForksVerb.Create());
        root.Subcommands.Add(KeepVerb.Create());
        root.Subcommands.Add(ForgetVerb.Create());
        root.Subcommands.Add(SquashVerb.Create());
        root.Subcommands.Add(CleanVerb.Create());
        root.Subcommands.Add(GcVerb.Create());
        root.Subcommands.Add(VerifyVerb.Create());
        root.Subcommands.Add(RepairVerb.Create());
        root.Subcommands.Add(MirrorVerb.Create());
        root.Subcommands.Add(RestoreVerb.Create());
        root.Subcommands.Add(ReleaseVerb.Create());
        root.Subcommands.Add(AcceptVerb.Create());
        root.Subcommands.Add(AuditVerb.Create());
        root.Subcommands.Add(ServeVerb.Create());
        root.Subcommands.Add(PairingVerbs.CreatePair());
        root.Subcommands.Add(PairingVerbs.CreateUnpair());
        root.Subcommands.Add(PairingVerbs.CreatePairings());
        root.Subcommands.Add(WordsVerb.Create());
        root.Subcommands.Add(RecoverVerb.Create());
        root.Subcommands.Add(PassphraseVerb.Create());
        root.Subcommands.Add(RotateVerb.Create());
        root.Subcommands.Add(ShredVerb.Create());
        root.Subcommands.Add(AgentVerb.Create());
        return root;
    }
}
