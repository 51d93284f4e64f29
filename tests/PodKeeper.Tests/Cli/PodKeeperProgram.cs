using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace VmPod.PodKeeper.Tests.Cli;

/// <summary>The built executable podkeeper.</summary>
internal static class PodKeeperProgram
{
    /// <param name="ExitCode">How it ended.</param>
    /// <param name="Output">Standard output.</param>
    /// <param name="Errors">Standard error.</param>
    internal sealed record Result(int ExitCode, string Output, string Errors)
    {
        /// <summary>The one JSON object that it printed.</summary>
        internal JsonElement Json => JsonDocument.Parse(Output).RootElement;

        internal Result Expect(int exitCode)
        {
            Assert.True(exitCode == ExitCode, $"Exit code {ExitCode} instead of {exitCode}.\n{Output}\n{Errors}");
            return this;
        }
    }

    // artifacts/bin/PROJECT/CONFIGURATION
    internal static string Path { get; } =
        System.IO.Path.GetFullPath(System.IO.Path.Combine(AppContext.BaseDirectory, "..", "..", "VmPod.PodKeeper.Cli",
        new DirectoryInfo(AppContext.BaseDirectory).Name, "podkeeper"));

    internal static Result Run(params string[] arguments) => RunAs([], arguments);

    internal static Result RunAs(string[] wrapper, params string[] arguments) => Finish(Start(wrapper, arguments));

    internal static Process Start(string[] wrapper, params string[] arguments)
    {
        string[] command = [.. wrapper, Path, .. arguments];
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    internal static Result Finish(Process process)
    {
        using (process)
        {
            process.StandardInput.Close();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return new Result(process.ExitCode, output, errors.GetAwaiter().GetResult());
        }
    }
}
