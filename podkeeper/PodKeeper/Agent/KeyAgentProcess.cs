using System.Diagnostics;
using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.PodKeeper.Agent;

/// <summary>
/// Starts a key agent as a background process. The passphrase goes through a pipe; nothing secret is on its command line or in its
/// environment.
/// </summary>
public static class KeyAgentProcess
{
    /// <summary>What an agent prints when it serves; its process id follows.</summary>
    public const string ReadyPrefix = "ready ";

    /// <summary>Starts it and waits until it serves.</summary>
    /// <param name="command">The program and its arguments, as "podkeeper", "agent", DIR.</param>
    /// <param name="passphrase">What unlocks the pod.</param>
    /// <param name="readError">Makes the error that the agent printed into an exception.</param>
    /// <returns>Its process id.</returns>
    /// <exception cref="VmPodException">What the agent said: wrong passphrase (4), in use (6), and so on.</exception>
    public static int Start(IReadOnlyList<string> command, SecretBuffer passphrase, Func<string, VmPodException> readError)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // It must not keep the folder that the user stands in from being unmounted.
            WorkingDirectory = "/",
        };
        // The runtime's diagnostic socket would let any program of this user ask for a dump of the key.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        using Process agent = Process.Start(start) ?? throw new InvalidOperationException("The key agent did not start.");
        try
        {
            // The stream below the writer: no buffer between locked memory and the pipe.
            agent.StandardInput.BaseStream.Write(passphrase.ReadOnlyBytes);
            // The reader drops one line feed: this one, not one of the passphrase's own.
            agent.StandardInput.BaseStream.Write("\n"u8);
        }
        catch (IOException)
        {
            // It ended before it read; what it printed says why.
        }
        agent.StandardInput.Close();
        string? line = agent.StandardOutput.ReadLine();
        if (line is not null && line.StartsWith(ReadyPrefix, StringComparison.Ordinal))
            return int.Parse(line.AsSpan(ReadyPrefix.Length), System.Globalization.NumberStyles.None,
                System.Globalization.CultureInfo.InvariantCulture);
        string said = line + agent.StandardOutput.ReadToEnd();
        agent.WaitForExit();
        throw readError(said);
    }
}
