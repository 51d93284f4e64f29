using System.CommandLine;
using System.Globalization;
using System.Net;
using VmPod.Foundation;
using VmPod.Vault;

namespace VmPod.PodKeeper.Cli;

/// <summary>Arguments and options that verbs share.</summary>
internal static class Arguments
{
    private const int KiB = 1024;

    // The bounds of a passphrase slot: below them a guess is too cheap, above them a pod cannot open it.
    private const int ArgonMiBMin = 8, ArgonMiBMax = 4096;

    /// <summary>--json, of every verb.</summary>
    internal static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object instead of text.", Recursive = true };

    /// <summary>DIR: the pod's folder.</summary>
    internal static Argument<string> Pod() => new("DIR") { Description = "The pod's folder." };

    /// <summary>SESSION: a session's name, or its handle in hexadecimal.</summary>
    internal static Argument<string> Session() => new("SESSION") { Description = "The session's name, or its handle." };

    /// <summary>SESSION, where a verb that is about all may be about one.</summary>
    internal static Argument<string?> OneSession() => new("SESSION")
    {
        Arity = ArgumentArity.ZeroOrOne,
        Description = "One session only: its name, or its handle.",
    };

    /// <summary>--pin-file, of every verb that may need the passphrase.</summary>
    internal static Option<string?> PinFile() => new("--pin-file")
    {
        HelpName = "FILE",
        Description = "Read the passphrase from this file ('-': standard input) instead of asking.",
    };

    /// <summary>--key-file, of verbs that take the pod's secret itself.</summary>
    internal static Option<string?> KeyFile() => new("--key-file")
    {
        HelpName = "FILE",
        Description = "The pod's key file, where it has one (podkeeper passphrase --new-key-file).",
    };

    /// <summary>--dry-run, of verbs that take something away.</summary>
    internal static Option<bool> DryRun() => new("--dry-run") { Description = "Say what would be done, and do nothing." };

    /// <summary>--argon-memory, of verbs that set a passphrase.</summary>
    internal static Option<int> ArgonMemory() => new("--argon-memory")
    {
        HelpName = "MIB",
        Description = "MiB that one guess of the passphrase costs, 8 to 4096.",
        DefaultValueFactory = _ => new VaultOptions().Argon2MemoryKiB / KiB,
    };

    /// <summary>Its value in KiB.</summary>
    internal static int ArgonKiB(int mebibytes) => mebibytes is >= ArgonMiBMin and <= ArgonMiBMax ? mebibytes * KiB
        : throw new VmPodException(ExitCode.Usage, $"A guess may cost {ArgonMiBMin} to {ArgonMiBMax} MiB.", "Leave --argon-memory out.");

    /// <summary>--weak-passphrase, of verbs that set a passphrase.</summary>
    internal static Option<bool> WeakPassphrase() => new("--weak-passphrase") { Description = "Accept a passphrase that is easily guessed." };

    /// <summary>--words-file, of verbs that make recovery words.</summary>
    internal static Option<string?> NewWordsFile() => new("--words-file")
    {
        HelpName = "FILE",
        Description = "Write the recovery words into this new file, which others cannot read, instead of showing them.",
    };

    /// <summary>--listen, with where it listens if nothing is said.</summary>
    internal static Option<string> Listen(IPEndPoint otherwise) => new("--listen")
    {
        HelpName = "A:P",
        Description = "Address and port; port 0 takes a free one.",
        DefaultValueFactory = _ => otherwise.ToString(),
    };

    /// <summary>--ssh, of verbs that reach another machine.</summary>
    internal static Option<string> Ssh() => new("--ssh")
    {
        HelpName = "COMMAND",
        Description = "The ssh program, and options of it, parted by blanks.",
        DefaultValueFactory = _ => "ssh",
    };

    /// <summary>--remote-command, of verbs that reach another machine.</summary>
    internal static Option<string> RemoteCommand() => new("--remote-command")
    {
        HelpName = "COMMAND",
        Description = "podkeeper on the other machine, as its shell finds it.",
        DefaultValueFactory = _ => "podkeeper",
    };

    /// <summary>A command as its words.</summary>
    internal static string[] Words(string command) => command.Split(' ', StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } words ? words
        : throw new VmPodException(ExitCode.Usage, "A command has at least one word.", "Leave --ssh out.");

    /// <summary>Reads A:P, or [A]:P.</summary>
    internal static IPEndPoint EndPoint(string text) =>
        IPEndPoint.TryParse(text, out IPEndPoint? at) && text.EndsWith(string.Create(CultureInfo.InvariantCulture, $":{at.Port}"), StringComparison.Ordinal)
            ? at
            : throw new VmPodException(ExitCode.Usage, $"{text} is no address and port.", "As 0.0.0.0:7413, or [::]:7413.");
}
