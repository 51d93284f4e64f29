using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Words;

namespace VmPod.PodKeeper.Cli;

/// <summary>Recovery words between their owner and a verb: the terminal or a file, never standard output.</summary>
internal static class Words
{
    /// <summary>Shows new words on the terminal, once.</summary>
    internal static void Show(RecoveryWords words)
    {
        using SecretBuffer table = words.ToTable();
        SecretOutput.ShowOnTerminal(table);
    }

    /// <summary>Writes new words into a new file of mode 0600.</summary>
    internal static void Save(RecoveryWords words, string file)
    {
        using SecretBuffer line = words.ToText();
        SecretOutput.WriteNewFile(file, line);
    }

    /// <summary>The words from a file ('-': standard input), or one by one from the terminal, without echo.</summary>
    /// <exception cref="VmPodException">They are wrong (4), there is no terminal (2), or no such file (3).</exception>
    internal static RecoveryWords Read(string? file)
    {
        if (file is not null)
        {
            using SecretBuffer text = SecretInput.ReadFile(file);
            return RecoveryWords.Parse(text.ReadOnlyBytes);
        }
        using SecretBuffer all = SecretBuffer.Create(RecoveryWords.TextBytesMax, static _ => { });
        int length = 0;
        for (int count = 0; count < RecoveryWords.Count;)
        {
            using SecretBuffer answer = Ask($"Word {count + 1} of {RecoveryWords.Count}: ");
            (int more, int? unknown) = RecoveryWords.Look(answer.ReadOnlyBytes);
            if (unknown is { } place)
            {
                Console.Error.WriteLine($"Word {count + place} is not in the list of recovery words: once more from word {count + 1} on.");
                continue;
            }
            if (length + answer.Length + 1 > all.Length)
                throw new VmPodException(ExitCode.Refused, $"There are more than {RecoveryWords.Count} words.", "Give all of them, in their order.");
            answer.ReadOnlyBytes.CopyTo(all.Bytes[length..]);
            length += answer.Length;
            all.Bytes[length++] = (byte)' ';
            count += more;
        }
        return RecoveryWords.Parse(all.ReadOnlyBytes[..length]);
    }

    private static SecretBuffer Ask(string prompt)
    {
        try
        {
            return SecretInput.ReadTerminal(prompt);
        }
        catch (VmPodException e) when (e.InnerException is IOException or UnauthorizedAccessException)
        {
            throw new VmPodException(ExitCode.Usage, "There is no terminal to ask for the recovery words on.",
                "--words-file FILE, or - for standard input.", e);
        }
    }
}
