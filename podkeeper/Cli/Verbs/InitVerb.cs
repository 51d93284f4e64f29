using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Secrets;
using VmPod.Vault;
using VmPod.Vault.Format;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>init DIR: makes a pod.</summary>
internal static class InitVerb
{
    private const int KiB = 1024;

    // The bounds of a passphrase slot: below them a guess is too cheap, above them a pod cannot open it.
    private const int ArgonMiBMin = 8, ArgonMiBMax = 4096;

    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        Option<string?> pinFile = Arguments.PinFile();
        var cellSize = new Option<int>("--cell-size")
        {
            HelpName = "KIB",
            Description = "KiB of every cell, 16 to 256.",
            DefaultValueFactory = _ => FormatLimits.CellBytesDefault / KiB,
        };
        var argon = new Option<int>("--argon-memory")
        {
            HelpName = "MIB",
            Description = "MiB that one guess of the passphrase costs, 8 to 4096.",
            DefaultValueFactory = _ => new VaultOptions().Argon2MemoryKiB / KiB,
        };
        var weak = new Option<bool>("--weak-passphrase") { Description = "Accept a passphrase that is easily guessed." };
        var verb = new Command("init", "Make a pod in a new or empty folder.") { pod, cellSize, argon, weak, pinFile };
        verb.SetAction(parsed =>
        {
            VaultOptions options = OptionsOf(parsed.GetValue(cellSize), parsed.GetValue(argon));
            using SecretBuffer passphrase = Unlocking.ReadNew(parsed.GetValue(pinFile));
            if (!parsed.GetValue(weak))
                PassphraseRules.Check(passphrase);
            using Pod made = Pod.Init(parsed.GetRequiredValue(pod), passphrase, options, TimeProvider.System);
            var reply = new InitReply(made.Vault.Descriptor.VaultId.ToString("x32", CultureInfo.InvariantCulture),
                Path.GetFullPath(made.Vault.Folder), options.CellBytes);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.InitReply, r =>
            [
                $"Made the pod {r.Vault} in {r.Folder}, with cells of {r.CellBytes / KiB} KiB.",
                "It has no TPM: the passphrase alone protects it, and nobody can recover it.",
            ]);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    private static VaultOptions OptionsOf(int cellKiB, int argonMiB)
    {
        if (cellKiB is < FormatLimits.CellBytesMin / KiB or > FormatLimits.CellBytesMax / KiB
            || cellKiB * KiB % FormatLimits.CellUnitBytes != 0)
            throw new VmPodException(ExitCode.Usage, "A cell has 16 to 256 KiB, in steps of 4.",
                "Leave --cell-size out: 64 was measured as the best.");
        if (argonMiB is < ArgonMiBMin or > ArgonMiBMax)
            throw new VmPodException(ExitCode.Usage, $"A guess may cost {ArgonMiBMin} to {ArgonMiBMax} MiB.", "Leave --argon-memory out.");
        return new VaultOptions { CellBytes = cellKiB * KiB, Argon2MemoryKiB = argonMiB * KiB };
    }
}
