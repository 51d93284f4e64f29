using System.CommandLine;
using System.Globalization;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Vault.Cells;
using VmPod.Vault.Words;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>words DIR: new recovery words, in place of the old ones.</summary>
internal static class WordsVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        Option<string?> pinFile = Arguments.PinFile(), wordsFile = Arguments.NewWordsFile();
        var verb = new Command("words", "Make new recovery words; those that there were open nothing any more.") { pod, wordsFile, pinFile };
        verb.SetAction(parsed =>
        {
            string? file = parsed.GetValue(wordsFile);
            bool json = parsed.GetValue(Arguments.Json);
            if (file is null && (json || Console.IsOutputRedirected))
                throw new VmPodException(ExitCode.Usage, "There is no terminal to show the words on.", "Name a new file for them: --words-file FILE.");
            using Pod opened = Pod.Open(parsed.GetRequiredValue(pod), StoreAccess.Write, TimeProvider.System);
            Unlocking.Unlock(opened, parsed.GetValue(pinFile));
            using RecoveryWords words = RecoveryWords.Create();
            // Before they count: words that nobody could read must not take the place of others.
            if (file is not null)
                Words.Save(words, file);
            else
                Words.Show(words);
            opened.SetRecoveryWords(words);
            var reply = new WordsReply(opened.Vault.Descriptor.VaultId.ToString("x32", CultureInfo.InvariantCulture), file);
            Output.Print(json, reply, ReplyJson.Default.WordsReply, r =>
            [
                r.WordsFile is null ? "These are the pod's recovery words now. Write them down: they are not shown again."
                    : $"The pod's recovery words are those in {r.WordsFile} now. Move them off this machine.",
            ]);
            return (int)ExitCode.Done;
        });
        return verb;
    }
}
