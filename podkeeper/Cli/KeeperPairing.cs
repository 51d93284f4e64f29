using System.CommandLine;
using System.Net;
using VmPod.Foundation;
using VmPod.PodKeeper.Mirrors;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper.Cli;

/// <summary>The options of verbs that reach a pod which keeps mirrors, for pairing with it first.</summary>
internal sealed class KeeperPairing
{
    private readonly Option<bool> pair = new("--pair") { Description = "With pod://: pair with that pod first (there: podkeeper pair DIR --role mirror)." };

    private readonly Option<string?> codeFile = new("--code-file")
    {
        HelpName = "FILE",
        Description = "Read the code that it shows from this file ('-': standard input) instead of asking.",
    };

    private readonly Option<bool> digits = new("--digits") { Description = "Compare six digits on both screens instead of typing the code." };

    private readonly Option<string?> pairAt = new("--pair-at")
    {
        HelpName = "HOST:PORT",
        Description = "Where it waits for the pairing; else the same host at the port of its code, or the port after that of pod://.",
    };

    /// <summary>Adds them to a verb.</summary>
    internal void AddTo(Command verb)
    {
        verb.Options.Add(pair);
        verb.Options.Add(codeFile);
        verb.Options.Add(digits);
        verb.Options.Add(pairAt);
    }

    /// <summary>What was wished. Null if nobody is to be paired with.</summary>
    /// <exception cref="VmPodException">The options do not fit each other or the place (2).</exception>
    internal Wish? Of(ParseResult parsed, MirrorPlace place)
    {
        bool isWished = parsed.GetValue(pair), byDigits = parsed.GetValue(digits);
        string? file = parsed.GetValue(codeFile), at = parsed.GetValue(pairAt);
        if (!isWished && (byDigits || file is not null || at is not null))
            throw new VmPodException(ExitCode.Usage, "--code-file, --digits and --pair-at belong to --pair.", "Add --pair.");
        if (isWished && !place.IsPod)
            throw new VmPodException(ExitCode.Usage, "Only a pod is paired with.", "Name it: pod://HOST[:PORT].");
        if (byDigits && file is not null)
            throw new VmPodException(ExitCode.Usage, "It is either the code or the digits.", "Leave out --code-file or --digits.");
        return isWished ? new Wish(file, byDigits, at is null ? null : MirrorPlace.PodAt(at)) : null;
    }

    /// <summary>How to pair.</summary>
    internal sealed record Wish(string? CodeFile, bool Digits, EndPoint? At)
    {
        /// <summary>By which of the two ways.</summary>
        internal PairingWay Way => Digits ? PairingWay.Digits : PairingWay.Code;

        /// <summary>Pairs.</summary>
        /// <exception cref="VmPodException">The code is none (2); refused (4); not in reach (7).</exception>
        internal Pairing Pair(MirrorPlace place, CancellationToken cancel)
        {
            if (Digits)
                return PodLink.Pair(place, At, AreSame, cancel);
            using SecretBuffer text = CodeFile is null ? SecretInput.ReadTerminal("The code that the other pod shows: ") : SecretInput.ReadFile(CodeFile);
            if (!PairingCode.TryRead(text.ReadOnlyBytes, out PairingCode? code))
                throw new VmPodException(ExitCode.Usage, "This is no pairing code, or it is mistyped.", "There: podkeeper pair DIR --role mirror shows it.");
            using (code)
                return PodLink.Pair(place, At, code!, cancel);
        }

        private static bool AreSame(int digits, CancellationToken timeUp)
        {
            Console.Error.Write($"Does the other pod show {DigitsText.Of(digits)}? [y/N] ");
            return Console.In.ReadLine()?.Trim() is "y" or "Y" or "yes" && !timeUp.IsCancellationRequested;
        }
    }
}
