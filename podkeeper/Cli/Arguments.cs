using System.CommandLine;
using System.Globalization;
using System.Net;
using VmPod.Foundation;

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

    /// <summary>--listen, with where it listens if nothing is said.</summary>
    internal static Option<string> Listen(IPEndPoint otherwise) => new("--listen")
    {
        HelpName = "A:P",
        Description = "Address and port; port 0 takes a free one.",
        DefaultValueFactory = _ => otherwise.ToString(),
    };

    /// <summary>Reads A:P, or [A]:P.</summary>
    internal static IPEndPoint EndPoint(string text) =>
        IPEndPoint.TryParse(text, out IPEndPoint? at) && text.EndsWith(string.Create(CultureInfo.InvariantCulture, $":{at.Port}"), StringComparison.Ordinal)
            ? at
            : throw new VmPodException(ExitCode.Usage, $"{text} is no address and port.", "As 0.0.0.0:7413, or [::]:7413.");
}
