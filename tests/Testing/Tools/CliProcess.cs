using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace VmPod.Testing;

/// <summary>A command that runs. Disposing kills it with all that it started.</summary>
public sealed partial class CliProcess : IAsyncDisposable
{
    /// <summary>A busy machine may take a while to read what an ended command left in its pipes.</summary>
    private static readonly TimeSpan HeldOutputLimit = TimeSpan.FromSeconds(20);

    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly StringBuilder errors = new();
    private readonly Task<bool> readers;
    private readonly long started = Stopwatch.GetTimestamp();
    private readonly string command;

    internal CliProcess(ProcessStartInfo start, bool echoErrors)
    {
        command = string.Join(' ', start.ArgumentList.Prepend(Path.GetFileName(start.FileName)));
        process = Process.Start(start) ?? throw new InvalidOperationException($"{command} did not start.");
        Task readOutput = ReadAsync(process.StandardOutput, output, echo: false);
        Task readErrors = ReadAsync(process.StandardError, errors, echoErrors);
        readers = Task.WhenAll(readOutput, readErrors).ContinueWith(t => t.IsCompletedSuccessfully, TaskScheduler.Default);
    }

    /// <summary>The process id.</summary>
    public int Pid => process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => process.HasExited;

    /// <summary>Stdout so far.</summary>
    public string OutputSoFar => Snapshot(output);

    /// <summary>Stderr so far.</summary>
    public string ErrorsSoFar => Snapshot(errors);

    /// <summary>Writes to stdin.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes, bool close = false)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(bytes);
            await process.StandardInput.BaseStream.FlushAsync();
        }
        catch (IOException)
        {
            // It ended, or closed its stdin, without reading all: its exit code tells more than the broken pipe.
        }
        if (close)
            process.StandardInput.Close();
    }

    /// <summary>Waits until stdout or stderr contains a text.</summary>
    /// <exception cref="TimeoutException">It did not within the limit.</exception>
    /// <exception cref="InvalidOperationException">The command ended first.</exception>
    public Task WaitForTextAsync(string text, TimeSpan limit, CancellationToken cancellation = default) => WaitAsync($"say '{text}'",
        () => OutputSoFar.Contains(text, StringComparison.Ordinal) || ErrorsSoFar.Contains(text, StringComparison.Ordinal), limit, cancellation);

    /// <summary>Waits until stdout has a line, all of it: output comes in parts.</summary>
    /// <returns>The first line, without its end.</returns>
    /// <exception cref="TimeoutException">It did not within the limit.</exception>
    /// <exception cref="InvalidOperationException">The command ended first.</exception>
    public async Task<string> WaitForLineAsync(TimeSpan limit, CancellationToken cancellation = default)
    {
        await WaitAsync("write a line", () => OutputSoFar.Contains('\n', StringComparison.Ordinal), limit, cancellation);
        return OutputSoFar.Split('\n')[0];
    }

    private async Task WaitAsync(string what, Func<bool> isThere, TimeSpan limit, CancellationToken cancellation)
    {
        long since = Stopwatch.GetTimestamp();
        while (true)
        {
            bool ended = process.HasExited;
            if (ended)
                await readers;
            if (isThere())
                return;
            if (ended)
                throw new InvalidOperationException($"{command} ended with {process.ExitCode} and did not {what}.\n{OutputSoFar}{ErrorsSoFar}");
            if (Stopwatch.GetElapsedTime(since) > limit)
                throw new TimeoutException($"{command} did not {what} within {limit.TotalSeconds:F0} s.\n{OutputSoFar}{ErrorsSoFar}");
            await Task.Delay(10, cancellation);
        }
    }

    /// <summary>Waits for the end. At the limit it is killed with all that it started.</summary>
    /// <exception cref="TimeoutException">It did not end within the limit.</exception>
    public async Task<CliResult> WaitAsync(TimeSpan limit, CancellationToken cancellation = default)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timer.CancelAfter(limit);
        try
        {
            await process.WaitForExitAsync(timer.Token);
            // A grandchild may hold stdout open: what came by then is all that counts. Usually nobody does, and the end is there as soon as it was read.
            await Task.WhenAny(readers, Task.Delay(HeldOutputLimit, CancellationToken.None));
        }
        catch (OperationCanceledException)
        {
            Kill();
            cancellation.ThrowIfCancellationRequested();
            throw new TimeoutException($"{command} did not end within {limit.TotalSeconds:F0} s.\n{OutputSoFar}{ErrorsSoFar}");
        }
        return new CliResult(command, process.ExitCode, OutputSoFar, ErrorsSoFar, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Sends a signal: 2 INT, 9 KILL, 15 TERM, 18 CONT, 19 STOP.</summary>
    public void Signal(int signal)
    {
        if (SendSignal(process.Id, signal) != 0 && !process.HasExited)
            throw new InvalidOperationException($"Signal {signal} could not be sent to {command}.");
    }

    /// <summary>Kills it with all that it started.</summary>
    public void Kill() => process.Kill(entireProcessTree: true);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static string Snapshot(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }

    private static async Task ReadAsync(StreamReader from, StringBuilder to, bool echo)
    {
        char[] buffer = new char[4096];
        while (await from.ReadAsync(buffer) is int got and > 0)
        {
            lock (to)
                to.Append(buffer, 0, got);
            if (echo)
                await Console.Error.WriteAsync(buffer.AsMemory(0, got));
        }
    }

    /// <summary>Sends a signal to a process that somebody else started.</summary>
    internal static void SignalProcess(int pid, int signal) => _ = SendSignal(pid, signal);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
