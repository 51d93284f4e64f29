using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Secrets;
using VmPod.Vault.Words;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>recover DIR: opens a pod with its recovery words, and gives it a new passphrase.</summary>
internal static class RecoverVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        Option<string?> pinFile = Arguments.PinFile();
        Option<int> argon = Arguments.ArgonMemory();
        Option<bool> weak = Arguments.WeakPassphrase();
        var wordsFile = new Option<string?>("--words-file")
        {
            HelpName = "FILE",
            Description = "Read the recovery words from this file ('-': standard input) instead of asking.",
        };
        var damage = new Option<bool>("--accept-damage") { Description = "Go on though the vault's log is damaged." };
        var verb = new Command("recover",
            "Open a pod with its recovery words: new passphrase, new device secrets, all leases ended. --pin-file has the new passphrase.")
        {
            pod, wordsFile, argon, weak, damage, pinFile,
        };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            int memory = Arguments.ArgonKiB(parsed.GetValue(argon));
            using RecoveryWords words = Words.Read(parsed.GetValue(wordsFile));
            using SecretBuffer passphrase = Unlocking.ReadNew(parsed.GetValue(pinFile));
            if (!parsed.GetValue(weak))
                PassphraseRules.Check(passphrase);
            (Pod recovered, int ended) = Pod.Recover(folder, words, passphrase, memory, parsed.GetValue(damage), TimeProvider.System);
            using (recovered)
            {
                UInt128 vaultId = recovered.Vault.Descriptor.VaultId;
                // Its key opens nothing any more.
                if (RuntimeFolder.TryFind() is { } runtime)
                    _ = KeyAgentClient.TryEnd(runtime, vaultId);
                var reply = new RecoverReply(vaultId.ToString("x32", CultureInfo.InvariantCulture), ended);
                Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.RecoverReply, r =>
                [
                    $"The pod {r.Vault} has the new passphrase; the old one opens nothing any more. {r.LeasesEnded} leases were ended.",
                    "The recovery words stay good: podkeeper words DIR makes new ones. If the pod was stolen, unpair its hosts: podkeeper pairings DIR.",
                ]);
                return (int)ExitCode.Done;
            }
        });
        return verb;
    }
}
