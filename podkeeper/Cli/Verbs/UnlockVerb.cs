using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Secrets;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>unlock DIR: keeps a pod unlocked for this user, by a key agent in the background.</summary>
internal static class UnlockVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        Option<string?> pinFile = Arguments.PinFile(), keyFile = Arguments.KeyFile();
        var idle = new Option<int>("--idle")
        {
            HelpName = "MINUTES",
            Description = "Lock by itself after so long without use.",
            DefaultValueFactory = _ => (int)PodLimits.AgentIdle.TotalMinutes,
        };
        var verb = new Command("unlock", "Keep a pod unlocked for this user until 'lock', an idle time, or the pod is gone.")
        {
            pod, idle, pinFile, keyFile,
        };
        verb.SetAction(parsed =>
        {
            string folder = Path.GetFullPath(parsed.GetRequiredValue(pod));
            int minutes = parsed.GetValue(idle);
            if (minutes < 1)
                throw new VmPodException(ExitCode.Usage, "The idle time is at least one minute.");
            if (Served.Is(folder))
                return UnlockServer(folder, parsed.GetValue(pinFile), parsed.GetValue(keyFile), parsed.GetValue(Arguments.Json));
            RuntimeFolder runtime = RuntimeFolder.Make();
            UInt128 vaultId = CellStore.ReadDescriptor(folder).VaultId;
            bool wasUnlocked = KeyAgentClient.IsServing(runtime, vaultId);
            int? agent = null;
            if (!wasUnlocked)
            {
                using SecretBuffer passphrase = Unlocking.Read(parsed.GetValue(pinFile), parsed.GetValue(keyFile));
                string[] arguments = ["agent", folder, "--idle", minutes.ToString(CultureInfo.InvariantCulture), "--json"];
                agent = KeyAgentProcess.Start([.. Myself(), .. arguments], passphrase, ErrorOf);
            }
            var reply = new UnlockReply(vaultId.ToString("x32", CultureInfo.InvariantCulture), wasUnlocked, agent, 60L * minutes);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.UnlockReply, r =>
            [
                r.WasUnlocked ? "The pod is unlocked already."
                    : "Unlocked for this user. This host holds the vault's keys until: "
                        + $"podkeeper lock {folder}, or {minutes} minutes without use.",
            ]);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    // The passphrase goes to the server, which alone has the vault; it stays unlocked until 'lock' or its end.
    private static int UnlockServer(string folder, string? pinFile, string? keyFile, bool json)
    {
        UnlockReply reply = Served.Ask(folder, ServedCommands.Status, [], ReplyJson.Default.StatusReply) is { Unlocked: true, Vault: var vault }
            ? new UnlockReply(vault, true, null, 0, Served: true)
            : WithPassphrase(folder, pinFile, keyFile);
        Output.Print(json, reply, ReplyJson.Default.UnlockReply, r =>
        [
            r.WasUnlocked ? "The pod is unlocked already." : $"Unlocked: the server has the vault's keys until podkeeper lock {folder}.",
        ]);
        return (int)ExitCode.Done;
    }

    private static UnlockReply WithPassphrase(string folder, string? pinFile, string? keyFile)
    {
        using SecretBuffer passphrase = Unlocking.Read(pinFile, keyFile);
        return Served.Ask(folder, ServedCommands.Unlock, [], ReplyJson.Default.UnlockReply, passphrase);
    }

    // "dotnet podkeeper.dll" is a way to start it too.
    private static IEnumerable<string> Myself()
    {
        string program = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Path.GetFullPath(Environment.GetCommandLineArgs()[0])]
            : [program];
    }

    private static VmPodException ErrorOf(string said)
    {
        try
        {
            if (JsonSerializer.Deserialize(said, ReplyJson.Default.ErrorReply) is { Error: { } error })
                return new VmPodException((ExitCode)error.Code, error.Message, error.Hint);
        }
        catch (JsonException)
        {
            // It was killed before it could say anything whole.
        }
        return new VmPodException(ExitCode.Bug, "The key agent ended before it was ready.", "Try again.");
    }
}
