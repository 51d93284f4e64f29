using System.Diagnostics;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>Another process. Whatever maps or blocks on the mount is one, never this process: it serves the mount, and its collector must
/// be able to stop every thread.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process process;
    private readonly Task<string> output;
    private readonly Task<string> errors;

    private Child(string program, IEnumerable<string> arguments, bool conversation)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        process = Process.Start(start)!;
        output = conversation ? Task.FromResult("") : process.StandardOutput.ReadToEndAsync();
        errors = process.StandardError.ReadToEndAsync();
    }

    internal static Child Start(string program, params string[] arguments) => new(program, arguments, conversation: false);

    /// <summary>A Python program that is talked to: it prints a line when it has done a step, and waits for a line before the
    /// next.</summary>
    internal static Child Converse(string script, params string[] arguments) =>
        new("python3", ["-u", "-c", script, .. arguments], conversation: true);

    /// <summary>A program that is talked to line by line.</summary>
    internal static Child StartConversation(string program, params string[] arguments) => new(program, arguments, conversation: true);

    internal static (int ExitCode, string Output, string Errors) Run(string program, params string[] arguments)
    {
        using Child child = Start(program, arguments);
        return child.Wait();
    }

    internal static (int ExitCode, string Output, string Errors) Python(string script, params string[] arguments) =>
        Run("python3", ["-c", script, .. arguments]);

    internal bool HasExited => process.HasExited;

    internal int Id => process.Id;

    internal bool Ends(int seconds) => process.WaitForExit(TimeSpan.FromSeconds(seconds));

    internal string ReadLine()
    {
        string? line = process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(5)).GetAwaiter().GetResult();
        return line ?? throw new InvalidOperationException("The child ended: " + errors.GetAwaiter().GetResult());
    }

    internal void WriteLine(string line = "")
    {
        process.StandardInput.WriteLine(line);
        process.StandardInput.Flush();
    }

    internal (int ExitCode, string Output, string Errors) Wait(int seconds = 300)
    {
        if (!process.WaitForExit(TimeSpan.FromSeconds(seconds)))
            throw new TimeoutException("The child does not end.");
        return (process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit(60_000);
        }
        // Process.Dispose leaves streams that were asked for to the collector, and a test counts descriptors.
        process.StandardInput.Dispose();
        process.StandardOutput.Dispose();
        process.StandardError.Dispose();
        process.Dispose();
    }
}
