using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Vault;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>shred DIR: destroys what opens the pod. Says first what survives; does nothing without the pod's own number.</summary>
internal static class ShredVerb
{
    private const int ConfirmDigits = 8;

    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var confirm = new Option<string?>("--confirm") { HelpName = "DIGITS", Description = "The first eight digits of the vault's id: do it." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what would be destroyed, and what survives." };
        var verb = new Command("shred", "Destroy the keys of a pod for good: nobody reads it any more. Not to be taken back.") { pod, confirm, dryRun };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            string vault = CellStore.ReadDescriptor(folder).VaultId.ToString("x32", CultureInfo.InvariantCulture);
            string? digits = parsed.GetValue(confirm);
            SurvivingSlots slots = Survivors(folder);
            bool isDry = parsed.GetValue(dryRun);
            if (!isDry && digits is not null && digits != vault[..ConfirmDigits])
                throw new VmPodException(ExitCode.Refused, "Those are not the first eight digits of this vault's id: nothing was destroyed.",
                    "podkeeper status DIR shows it.");
            bool isDone = !isDry && digits is not null;
            if (isDone)
                Pod.Shred(folder, TimeProvider.System);
            var reply = new ShredReply(vault, isDone, slots.RecoveryWords, slots.HomeHosts, slots.HasTpm);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.ShredReply, Lines);
            return (int)(isDone || isDry ? ExitCode.Done : ExitCode.Refused);
        });
        return verb;
    }

    // One that a crash cut short does not open any more; its log does.
    private static SurvivingSlots Survivors(string folder)
    {
        if (PodVault.IsShredding(folder))
            return new SurvivingSlots(RecoveryWords: true, HomeHosts: 0, HasTpm: false);
        using Pod opened = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
        return opened.FindSurvivors();
    }

    private static IEnumerable<string> Lines(ShredReply r)
    {
        string verb = r.Shredded ? "was" : "would be";
        yield return $"destroyed      passphrase, device secrets, keys for home hosts and log key of {r.Vault} {verb} destroyed";
        if (r.RecoveryWords)
            yield return "SURVIVES       recovery words, if they were made: podkeeper recover opens this folder and every copy with them. Destroy the paper.";
        if (r.HomeHosts > 0)
            yield return $"SURVIVES       the own keys of {r.HomeHosts} home hosts: with a copy of v1/homes they read their sessions. Remove their state.";
        yield return "SURVIVES       what another copy of this folder holds: its old passphrase opens it.";
        yield return r.Tpm
            ? "The secrets were in a TPM, which has forgotten them."
            : "There is no TPM: the secrets were files. They are overwritten, which flash need not do: only the passphrase stands before what it kept.";
        if (!r.Shredded)
            yield return $"Nothing was done. To do it: podkeeper shred DIR --confirm {r.Vault[..ConfirmDigits]}";
    }
}
