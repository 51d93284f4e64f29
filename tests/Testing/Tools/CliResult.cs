using System.Text.Json;

namespace VmPod.Testing;

/// <summary>How a command ended.</summary>
/// <param name="Command">The command line, for messages.</param>
/// <param name="ExitCode">Its exit code; 128 + the signal's number if it was killed.</param>
/// <param name="Output">All of stdout.</param>
/// <param name="Errors">All of stderr.</param>
/// <param name="Duration">From start to end.</param>
public sealed record CliResult(string Command, int ExitCode, string Output, string Errors, TimeSpan Duration)
{
    /// <summary>Stdout's last line as JSON: what commands print with --json.</summary>
    public JsonElement Json
    {
        get
        {
            using JsonDocument json = JsonDocument.Parse(Output.TrimEnd().Split('\n')[^1]);
            return json.RootElement.Clone();
        }
    }

    /// <summary>Throws unless the command ended with 0.</summary>
    public CliResult MustSucceed() => MustEndWith(0);

    /// <summary>Throws unless the command ended with this code.</summary>
    public CliResult MustEndWith(int exitCode) =>
        ExitCode == exitCode ? this : throw new InvalidOperationException($"{Command} ended with {ExitCode}, not {exitCode}.\n{Tail(Output)}{Tail(Errors)}");

    private static string Tail(string text) => text.Length > 4000 ? text[^4000..] : text;
}
