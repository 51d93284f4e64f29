using System.Diagnostics;
using System.Text.Json;

namespace VmPod.Testing;

/// <summary>A session that runs on a <see cref="TestHost"/>, with its guest's agent. Disposing kills what still runs of it.</summary>
public sealed class TestSession : IAsyncDisposable
{
    private static readonly TimeSpan PhaseLimit = TimeSpan.FromMinutes(3);

    private readonly TestHost host;

    private TestSession(TestHost host, string name, JsonElement status, GuestAgent agent)
    {
        this.host = host;
        Name = name;
        Agent = agent;
        HostGuardPid = status.GetProperty("process_id").GetInt32();
        QemuPid = status.GetProperty("qemu_process_id").GetInt32();
        IsEmulated = !string.Equals(status.GetProperty("accelerator").GetString(), "kvm", StringComparison.OrdinalIgnoreCase);
        ConsolePath = status.GetProperty("console").GetString()!;
        Mount = status.GetProperty("mount").GetString()!;
        RunFolder = Path.GetDirectoryName(status.GetProperty("agent").GetString()!)!;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The guest's agent.</summary>
    public GuestAgent Agent { get; }

    /// <summary>hostguard's process.</summary>
    public int HostGuardPid { get; }

    /// <summary>The process that hostguard knows as the hypervisor's.</summary>
    public int QemuPid { get; }

    /// <summary>Whether the CPU is emulated.</summary>
    public bool IsEmulated { get; }

    /// <summary>The serial line's socket.</summary>
    public string ConsolePath { get; }

    /// <summary>The mount, in hostguard's own mount namespace.</summary>
    public string Mount { get; }

    /// <summary>The folder of this run.</summary>
    public string RunFolder { get; }

    /// <summary>From the start of the command to the guest's first answer.</summary>
    public TimeSpan FirstAnswerAfter { get; private init; }

    /// <summary>From the start of the command to its end: the machine runs, its guest has not been asked yet.</summary>
    public TimeSpan CommandTook { get; private init; }

    /// <summary>The receipt's file.</summary>
    public string ReceiptPath => Path.Join(RunFolder, "receipt.json");

    /// <summary>Every process of it that runs now: hostguard, its watchdog, the jail, QEMU.</summary>
    public IReadOnlyList<int> Processes => [HostGuardPid, .. ProcessSnapshot.Descendants(HostGuardPid)];

    internal static async Task<TestSession> AttachAsync(TestHost host, string name, JsonElement status, long started, CancellationToken cancellation)
    {
        TimeSpan commandTook = Stopwatch.GetElapsedTime(started);
        GuestAgent agent = await GuestAgent.ConnectAsync(status.GetProperty("agent").GetString()!, cancellation: cancellation);
        try
        {
            _ = await agent.WaitUntilAnsweringAsync(cancellation: cancellation);
        }
        catch
        {
            await agent.DisposeAsync();
            await host.EndAllAsync();
            throw;
        }
        return new TestSession(host, name, status, agent) { CommandTook = commandTook, FirstAnswerAfter = Stopwatch.GetElapsedTime(started) };
    }

    /// <summary>What hostguard says of it.</summary>
    public async Task<JsonElement> StatusAsync(CancellationToken cancellation = default) => (await host.RunAsync(["status", Name],
        cancellation: cancellation))[0];

    /// <summary>A checkpoint while it runs. Its result.</summary>
    public async Task<JsonElement> CheckpointAsync(CancellationToken cancellation = default) =>
        (await host.RunAsync(["checkpoint", Name], cancellation: cancellation)).GetProperty("result");

    /// <summary>Suspends ("suspend" or "leave"). Its result.</summary>
    public async Task<JsonElement> EndAsync(string verb = "suspend", CancellationToken cancellation = default) =>
        (await host.RunAsync([verb, Name], cancellation: cancellation)).GetProperty("result");

    /// <summary>Waits until it is in a phase.</summary>
    /// <exception cref="TimeoutException">It is not, after three minutes.</exception>
    public async Task WaitForPhaseAsync(string phase, CancellationToken cancellation = default)
    {
        long started = Stopwatch.GetTimestamp();
        string now;
        while ((now = (await StatusAsync(cancellation)).GetProperty("phase").GetString()!) != phase)
        {
            if (Stopwatch.GetElapsedTime(started) > PhaseLimit)
                throw new TimeoutException($"The session is {now}, not {phase}.");
            await Task.Delay(100, cancellation);
        }
    }

    /// <summary>Waits until its log says something.</summary>
    /// <exception cref="TimeoutException">It does not.</exception>
    public async Task WaitForLogAsync(string text, TimeSpan limit, CancellationToken cancellation = default)
    {
        long started = Stopwatch.GetTimestamp();
        while (!(await File.ReadAllTextAsync(Path.Join(RunFolder, "log"), cancellation)).Contains(text, StringComparison.Ordinal))
        {
            if (Stopwatch.GetElapsedTime(started) > limit)
                throw new TimeoutException($"The log does not say \"{text}\".");
            await Task.Delay(50, cancellation);
        }
    }

    /// <summary>The receipt that its process left.</summary>
    public async Task<JsonElement> ReceiptAsync(CancellationToken cancellation = default) =>
        JsonSerializer.Deserialize<JsonElement>(await File.ReadAllBytesAsync(ReceiptPath, cancellation));

    /// <summary>Until then every process of a session that ends is gone: only a hang takes longer, on a machine however slow.</summary>
    public static readonly TimeSpan GoneLimit = TimeSpan.FromMinutes(2);

    /// <summary>Waits until no process of it runs.</summary>
    /// <exception cref="TimeoutException">One still does.</exception>
    public static async Task WaitUntilGoneAsync(IReadOnlyList<int> processes, TimeSpan limit, CancellationToken cancellation = default)
    {
        long started = Stopwatch.GetTimestamp();
        while (processes.Where(ProcessSnapshot.IsAlive).ToList() is { Count: > 0 } alive)
        {
            if (Stopwatch.GetElapsedTime(started) > limit)
                throw new TimeoutException($"Still running after {limit.TotalSeconds:F0} s: "
                    + $"{string.Join(", ", alive.Select(p => $"{ProcessSnapshot.NameOf(p)} ({p})"))}");
            await Task.Delay(20, cancellation);
        }
    }

    /// <summary>kill -9 of hostguard, as a crash would; QEMU must die with it.</summary>
    public void KillHostGuard() => CliProcess.SignalProcess(HostGuardPid, 9);

    /// <summary>QEMU itself, not the jail around it.</summary>
    public IReadOnlyList<int> QemuProcesses => [.. Processes.Where(pid => ProcessSnapshot.NameOf(pid).StartsWith("qemu", StringComparison.Ordinal))];

    /// <summary>SIGSTOP of hostguard.</summary>
    public void StopHostGuard() => CliProcess.SignalProcess(HostGuardPid, 19);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Agent.DisposeAsync();
        await host.EndAllAsync();
        // What a killed hostguard leaves: an empty folder, since the mount itself was in its own namespace.
        if (Directory.Exists(Mount))
            Directory.Delete(Mount);
    }
}
