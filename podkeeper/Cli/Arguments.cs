using System.CommandLine;

namespace VmPod.PodKeeper.Cli;

/// <summary>Arguments and options that verbs share.</summary>
internal static class Arguments
{
    /// <summary>--json, of every verb.</summary>
    internal static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object instead of text.", Recursive = true };

    /// <summary>DIR: the pod's folder.</summary>
    internal static Argument<string> Pod() => new("DIR") { Description = "The pod's folder." };

    /// <summary>SESSION: a session's name, or its handle in hexadecimal.</summary>
    internal static Argument<string> Session() => new("SESSION") { Description = "The session's name, or its handle." };

    /// <summary>--pin-file, of every verb that may need the passphrase.</summary>
    internal static Option<string?> PinFile() => new("--pin-file")
    {
        HelpName = "FILE",
        Description = "Read the passphrase from this file ('-': standard input) instead of asking.",
    };
}
