using System.Diagnostics;
using System.Text.Json;

namespace VmPod.Testing;

/// <summary>A host as a session sees one: hostguard with a working folder of its own, and perhaps a network namespace of its own.</summary>
/// <param name="runFolder">Folder of its runs, made if need be: short, for the sockets' sake.</param>
/// <param name="podFolder">The pod: its folder, or host:port. A folder is unlocked by its key agent, or by <paramref name="pinFile"/>.</param>
/// <param name="pinFile">File of the passphrase; null if the key agent has the key.</param>
/// <param name="wrapper">What goes before each command: <see cref="NetNamespace.Wrapper"/>, say.</param>
public sealed class TestHost(string runFolder, string podFolder, string? pinFile = null, params IReadOnlyList<string> wrapper)
{
    private const string MountPoints = "/run/vmpod-mounts";

    private CliRunner HostGuard { get; } = Wrapped(new CliRunner(Repository.Program("VmPod.HostGuard", "hostguard"))
    {
        Environment = new Dictionary<string, string?> { ["VMPOD_RUN_FOLDER"] = runFolder, ["VMPOD_STATE_FOLDER"] = StateOf(runFolder) },
    }, wrapper);

    /// <summary>Folder of its runs.</summary>
    public string RunFolder => runFolder;

    /// <summary>What it keeps between sessions: pairings, residues.</summary>
    public string StateFolder => StateOf(runFolder);

    /// <summary>The pod: its folder, or its address.</summary>
    public string Pod => podFolder;

    /// <summary>Runs a command of hostguard with --json.</summary>
    public Task<CliResult> TryAsync(IEnumerable<string> arguments, TimeSpan? limit = null, CancellationToken cancellation = default)
    {
        Directory.CreateDirectory(runFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return HostGuard.RunAsync([.. arguments, "--json"], limit, cancellation: cancellation);
    }

    /// <summary>Starts a command with --json, and leaves it running.</summary>
    public CliProcess Start(IEnumerable<string> arguments) => HostGuard.Start([.. arguments, "--json"]);

    /// <summary>Runs a command that must succeed. Its JSON.</summary>
    public async Task<JsonElement> RunAsync(IEnumerable<string> arguments, TimeSpan? limit = null, CancellationToken cancellation = default) =>
        (await TryAsync(arguments, limit, cancellation)).MustSucceed().Json;

    /// <summary>Tries a command that opens the pod.</summary>
    public Task<CliResult> TryWithPodAsync(IEnumerable<string> arguments, TimeSpan? limit = null, CancellationToken cancellation = default) =>
        TryAsync([.. arguments, "--pod", podFolder, .. pinFile is null ? Array.Empty<string>() : ["--pin-file", pinFile]], limit, cancellation);

    /// <summary>Tries to boot or resume, with emulation allowed: most machines that run tests are virtual themselves.</summary>
    public Task<CliResult> TryStartAsync(string verb, string session, params IReadOnlyList<string> options) =>
        TryWithPodAsync([verb, session, "--allow-emulation", .. options]);

    /// <summary>Boots or resumes, and waits for the guest's first answer.</summary>
    public async Task<TestSession> StartAsync(string verb, string session, IReadOnlyList<string> options, CancellationToken cancellation = default)
    {
        long started = Stopwatch.GetTimestamp();
        CliResult result = await TryWithPodAsync([verb, session, "--allow-emulation", .. options], cancellation: cancellation);
        return await TestSession.AttachAsync(this, session, result.MustSucceed().Json.GetProperty("status"), started, cancellation);
    }

    /// <summary>Kills every hostguard that was started with this run folder, and waits until all that it started is gone.</summary>
    public async Task EndAllAsync()
    {
        byte[] mark = System.Text.Encoding.UTF8.GetBytes($"VMPOD_RUN_FOLDER={runFolder}\0");
        List<int> mine = [.. ProcessSnapshot.All().Where(pid => ProcessSnapshot.NameOf(pid).StartsWith("hostguard", StringComparison.Ordinal)
            && ProcessSnapshot.EnvironmentOf(pid).AsSpan().IndexOf(mark) >= 0)];
        List<int> all = [.. mine.Concat(mine.SelectMany(ProcessSnapshot.Descendants)).Distinct()];
        foreach (int pid in mine)
            CliProcess.SignalProcess(pid, 9);
        await TestSession.WaitUntilGoneAsync(all, TestSession.GoneLimit);
        // What a killed hostguard leaves: an empty folder; the mount itself was in its own namespace.
        foreach (string point in Directory.Exists(MountPoints) ? mine.SelectMany(pid => Directory.GetDirectories(MountPoints, $"*-{pid}")) : [])
            Directory.Delete(point);
    }

    private static string StateOf(string runFolder) => runFolder + "-state";

    private static CliRunner Wrapped(CliRunner runner, IReadOnlyList<string> wrapper) => wrapper.Count == 0 ? runner
        : runner.Inside([SystemTools.Find(wrapper[0]), .. wrapper.Skip(1)]);
}
