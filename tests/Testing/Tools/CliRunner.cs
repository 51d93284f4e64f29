using System.Diagnostics;

namespace VmPod.Testing;

/// <summary>Runs commands as a user would: as processes, by their exit codes and what they print.</summary>
/// <param name="program">Path of the program.</param>
/// <param name="firstArguments">Arguments before those of each run.</param>
public sealed class CliRunner(string program, params IReadOnlyList<string> firstArguments)
{
    /// <summary>No single command of a test takes longer on a loaded machine.</summary>
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(10);

    /// <summary>The pod's tool as ./vmpod build made it.</summary>
    public static CliRunner PodKeeper => new(Repository.Program("VmPod.PodKeeper.Cli", "podkeeper"));

    /// <summary>The host's tool as ./vmpod build made it.</summary>
    public static CliRunner HostGuard => new(Repository.Program("VmPod.HostGuard", "hostguard"));

    /// <summary>Working folder of the command; this process's own if null.</summary>
    public string? WorkingFolder { get; init; }

    /// <summary>Environment variables to set; null removes one.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Also shows stderr as it comes: for long work.</summary>
    public bool EchoErrors { get; init; }

    /// <summary>The same commands inside something else: `ip netns exec NAME`, strace, setpriv.</summary>
    public CliRunner Inside(params IReadOnlyList<string> wrapper) =>
        new(wrapper[0], [.. wrapper.Skip(1), program, .. firstArguments]) { WorkingFolder = WorkingFolder, Environment = Environment, EchoErrors = EchoErrors };

    /// <summary>Runs a command to its end.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="limit">Killed after this; <see cref="DefaultLimit"/> if null.</param>
    /// <param name="stdin">What it reads from stdin, which then ends.</param>
    /// <param name="secret">A secret: passed by `--pin-file /dev/stdin`, never on the command line. Not together with stdin.</param>
    /// <param name="cancellation">Kills the command.</param>
    public async Task<CliResult> RunAsync(IEnumerable<string> arguments, TimeSpan? limit = null, ReadOnlyMemory<byte> stdin = default,
        ReadOnlyMemory<byte> secret = default, CancellationToken cancellation = default)
    {
        if (!stdin.IsEmpty && !secret.IsEmpty)
            throw new ArgumentException("A secret takes stdin for itself.", nameof(secret));
        await using CliProcess process = Start(secret.IsEmpty ? arguments : [.. arguments, "--pin-file", "/dev/stdin"]);
        await process.WriteAsync(secret.IsEmpty ? stdin : secret, close: true);
        return await process.WaitAsync(limit ?? DefaultLimit, cancellation);
    }

    /// <summary>Starts a command and leaves it running: servers, and what is to be killed.</summary>
    public CliProcess Start(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, [.. firstArguments, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = WorkingFolder ?? "",
        };
        foreach ((string name, string? value) in Environment)
            start.Environment[name] = value;
        return new CliProcess(start, EchoErrors);
    }
}
