using System.ComponentModel;
using System.Diagnostics;
using VmPod.Foundation;

namespace VmPod.Benchmarks.Peers;

/// <summary>Runs another program to its end.</summary>
internal static class Command
{
    /// <summary>Runs it and returns what it printed.</summary>
    /// <exception cref="VmPodException">It is not here (9).</exception>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Run(string program, IReadOnlyList<string> arguments, string? workingFolder = null, IReadOnlyDictionary<string,
        string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingFolder ?? ""
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new VmPodException(ExitCode.Missing, $"{program} is missing on this machine.",
                "./vmpod bench installs it as root; or apt-get install it.", e);
        }
        using (process)
        {
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {errors.Result}");
        }
    }

    /// <summary>Makes everything durable that was written to the file system of a folder.</summary>
    public static void Sync(string folder) => Run("sync", ["-f", folder]);
}
