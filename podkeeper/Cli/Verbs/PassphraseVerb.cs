using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Secrets;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>passphrase DIR: a new passphrase, with or without a key file beside it, in place of the one before.</summary>
internal static class PassphraseVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        Option<string?> pinFile = Arguments.PinFile(), keyFile = Arguments.KeyFile();
        Option<int> argon = Arguments.ArgonMemory();
        Option<bool> weak = Arguments.WeakPassphrase();
        var newPin = new Option<string?>("--new-pin-file") { HelpName = "FILE", Description = "Read the new passphrase from this file instead of asking." };
        var newKey = new Option<string?>("--new-key-file")
        {
            HelpName = "FILE",
            Description = "Make this new file a second secret: the pod opens with passphrase and file only. Keep it elsewhere than the pod.",
        };
        var noKey = new Option<bool>("--no-key-file") { Description = "The new passphrase opens the pod alone." };
        var verb = new Command("passphrase", "Change the passphrase. The one that was is asked for, also while the pod is unlocked.")
        {
            pod, pinFile, keyFile, newPin, newKey, noKey, argon, weak,
        };
        verb.SetAction(parsed =>
        {
            string? made = parsed.GetValue(newKey), kept = parsed.GetValue(keyFile);
            if (made is not null && parsed.GetValue(noKey))
                throw new VmPodException(ExitCode.Usage, "--new-key-file or --no-key-file, not both.");
            int memory = Arguments.ArgonKiB(parsed.GetValue(argon));
            using Pod opened = Pod.Open(parsed.GetRequiredValue(pod), StoreAccess.Write, TimeProvider.System);
            using (SecretBuffer old = Unlocking.Read(parsed.GetValue(pinFile), kept))
                Unlocking.Unlock(opened, old);
            string? key = parsed.GetValue(noKey) ? null : made ?? kept;
            using SecretBuffer passphrase = Unlocking.ReadNew(parsed.GetValue(newPin));
            // The file stands for the bits that a short passphrase lacks.
            if (!parsed.GetValue(weak) && key is null)
                PassphraseRules.Check(passphrase);
            if (made is not null)
                KeyFile.Create(made);
            using SecretBuffer? joined = key is null ? null : KeyFile.Join(passphrase, key);
            opened.ChangeSecret(joined ?? passphrase, memory, hasKeyFile: key is not null);
            var reply = new PassphraseReply(opened.Vault.Descriptor.VaultId.ToString("x32", CultureInfo.InvariantCulture), key is not null);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.PassphraseReply, r =>
            [
                "The pod has the new passphrase; the old one opens nothing any more" + (r.KeyFile ? ", nor does either secret alone." : "."),
                "Who had the old one and a copy of v1 from then opens that copy all the same, and what it still reads here: see podkeeper/README.md.",
            ]);
            return (int)ExitCode.Done;
        });
        return verb;
    }
}
