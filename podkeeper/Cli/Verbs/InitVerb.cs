using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Secrets;
using VmPod.Vault;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Words;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>init DIR: makes a pod.</summary>
internal static class InitVerb
{
    private const int KiB = 1024;
    private const string AutoSuite = "auto";

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
        Option<int> argon = Arguments.ArgonMemory();
        Option<bool> weak = Arguments.WeakPassphrase();
        Option<string?> wordsFile = Arguments.NewWordsFile();
        var suite = new Option<string>("--suite")
        {
            HelpName = "1|2|auto",
            Description = "Ciphers of the vault, for good: 1 for pods without AES instructions, 2 for others; auto looks at this machine.",
            DefaultValueFactory = _ => AutoSuite,
        };
        var noRecovery = new Option<bool>("--no-recovery") { Description = "Make no recovery words: a lost passphrase or pod is lost." };
        var verb = new Command("init", "Make a pod in a new or empty folder.") { pod, cellSize, argon, suite, weak, wordsFile, noRecovery, pinFile };
        verb.SetAction(parsed =>
        {
            VaultOptions options = OptionsOf(parsed.GetValue(cellSize), parsed.GetValue(argon), parsed.GetRequiredValue(suite));
            using SecretBuffer passphrase = Unlocking.ReadNew(parsed.GetValue(pinFile));
            if (!parsed.GetValue(weak))
                PassphraseRules.Check(passphrase);
            string? file = parsed.GetValue(wordsFile);
            bool json = parsed.GetValue(Arguments.Json), none = parsed.GetValue(noRecovery);
            if (file is not null && none)
                throw new VmPodException(ExitCode.Usage, "--words-file and --no-recovery exclude each other.");
            // Without a terminal there is nobody to write them down; 'words' makes them later.
            bool shows = file is null && !none && !json && !Console.IsOutputRedirected;
            using RecoveryWords? words = shows || file is not null ? RecoveryWords.Create() : null;
            using Pod made = Make(parsed.GetRequiredValue(pod), passphrase, options, words, file);
            var reply = new InitReply(made.Vault.Descriptor.VaultId.ToString("x32", CultureInfo.InvariantCulture),
                Path.GetFullPath(made.Vault.Folder), options.CellBytes, options.Suite,
                words is not null, file);
            Output.Print(json, reply, ReplyJson.Default.InitReply, r =>
            [
                $"Made the pod {r.Vault} in {r.Folder}, with cells of {r.CellBytes / KiB} KiB in suite {r.Suite}.",
                (r.Recovery, r.WordsFile) switch
                {
                    (false, _) => "It has no TPM and no recovery words: the passphrase alone protects it, and nobody can recover it. "
                        + (none ? "podkeeper words DIR makes some." : "They were not made, as there is no terminal to show them on: podkeeper words DIR."),
                    (true, null) => "It has no TPM: the passphrase alone protects it. If you forget it, these words open the pod. Write them down; they are "
                        + "not shown again, and whoever reads them has the pod:",
                    (true, var kept) => $"It has no TPM: the passphrase alone protects it. If you forget it, the words in {kept} open the pod. Move them off "
                        + "this machine: whoever reads them has the pod.",
                },
            ]);
            if (shows)
                Words.Show(words!);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    private static byte SuiteOf(string said) => said switch
    {
        AutoSuite => CellSuite.OfThisMachine,
        "1" => CellSuite.Blake2bChaCha20,
        "2" => CellSuite.HmacAes,
        _ => throw new VmPodException(ExitCode.Usage, $"{said} is no suite.", "1, 2 or auto; leave --suite out for auto."),
    };

    // The file first: a pod must not be there with words that nobody could read.
    private static Pod Make(string folder, SecretBuffer passphrase, VaultOptions options, RecoveryWords? words, string? file)
    {
        if (file is not null)
            Words.Save(words!, file);
        try
        {
            return Pod.Init(folder, passphrase, options, TimeProvider.System, words);
        }
        catch when (file is not null)
        {
            File.Delete(file);
            throw;
        }
    }

    private static VaultOptions OptionsOf(int cellKiB, int argonMiB, string suite)
    {
        if (cellKiB is < FormatLimits.CellBytesMin / KiB or > FormatLimits.CellBytesMax / KiB
            || cellKiB * KiB % FormatLimits.CellUnitBytes != 0)
            throw new VmPodException(ExitCode.Usage, "A cell has 16 to 256 KiB, in steps of 4.",
                "Leave --cell-size out: 64 was measured as the best.");
        return new VaultOptions { CellBytes = cellKiB * KiB, Argon2MemoryKiB = Arguments.ArgonKiB(argonMiB), Suite = SuiteOf(suite) };
    }
}
