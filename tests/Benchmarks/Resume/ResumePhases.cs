using System.Globalization;
using System.Text.Json;

namespace VmPod.Benchmarks.Resume;

/// <summary>Where the time of one resume went, from the session process's own log (RunFolder/log: compact JSON, one event a line).</summary>
internal static class ResumePhases
{
    /// <summary>The name of the part before the session process could say anything: two programs start, one of them twice.</summary>
    public const string Starting = "processes started";

    /// <summary>The name of the part after that, until the command that was typed ends.</summary>
    public const string CommandEnding = "command ended";

    /// <summary>The name of the last part: the agent's connection, and the guest's own way to an answer.</summary>
    public const string Answering = "the guest's first answer";

    /// <summary>The parts in their order, in milliseconds.</summary>
    /// <param name="log">The log's lines; those of earlier runs may stand before.</param>
    /// <param name="started">When the command was started.</param>
    /// <param name="commandEnded">When the command ended.</param>
    /// <param name="answered">When the guest answered.</param>
    public static IReadOnlyList<(string Phase, double Ms)> Of(IEnumerable<string> log, DateTimeOffset started, DateTimeOffset commandEnded,
        DateTimeOffset answered)
    {
        var phases = new List<(string, double)>();
        DateTimeOffset last = started;
        foreach (string line in log)
        {
            using JsonDocument json = JsonDocument.Parse(line);
            DateTimeOffset at = DateTimeOffset.Parse(json.RootElement.GetProperty("@t").GetString()!, CultureInfo.InvariantCulture);
            if (at < started || at > commandEnded || NameOf(json.RootElement) is not { } name)
                continue;
            phases.Add((name, (at - last).TotalMilliseconds));
            last = at;
        }
        phases.Add((CommandEnding, (commandEnded - last).TotalMilliseconds));
        phases.Add((Answering, (answered - commandEnded).TotalMilliseconds));
        return phases;
    }

    private static string? NameOf(JsonElement happened)
    {
        if (happened.TryGetProperty("Step", out JsonElement step))
            return step.GetString();
        return happened.TryGetProperty("To", out JsonElement to) ? to.GetString() switch
        {
            "Preflight" => Starting,
            "Opening" => "KVM probed",
            "Running" => "CPUs started",
            _ => null,
        } : null;
    }
}
