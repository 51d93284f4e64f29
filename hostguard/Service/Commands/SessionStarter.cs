using System.Diagnostics;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Session;
using VmPod.Secrets;

namespace VmPod.HostGuard.Commands;

/// <summary>Starts a session process, detached from this terminal, and waits for its first answer.</summary>
internal static class SessionStarter
{
    /// <summary>Starts it. The passphrase goes through a pipe: never by command line or environment.</summary>
    /// <exception cref="VmPodException">What the session process answered; or the session runs here already (6).</exception>
    public static async Task<ControlReply> StartAsync(SessionRequest request, SecretBuffer? passphrase, CancellationToken cancel)
    {
        using (System.Net.Sockets.Socket? running = await ControlClient.TryConnectAsync(request.RunFolder, cancel))
        {
            if (running is not null)
                throw new VmPodException(ExitCode.Busy, $"Session {request.Session} runs on this host already.", "hostguard status shows it.");
        }
        var start = new ProcessStartInfo("setsid")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        // A namespace of its own from the start; without the right to it the process says so itself (PrivateNamespace). Slaves: what is unmounted
        // outside, a pod above all, disappears inside too.
        foreach (string word in Environment.IsPrivilegedProcess ? (string[])["unshare", "--mount", "--propagation", "slave"] : [])
            start.ArgumentList.Add(word);
        start.ArgumentList.Add(Environment.ProcessPath!);
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(SessionStarter).Assembly.Location);
        start.ArgumentList.Add("session-run");
        // The diagnostic port could take a dump of the keys (SECURITY, rule of section 5).
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        using Process process = Process.Start(start) ?? throw new VmPodException(ExitCode.Missing, "setsid could not be started.",
            "apt-get install util-linux");
        Stream input = process.StandardInput.BaseStream;
        await ControlWire.WriteLineAsync(input, JsonSerializer.SerializeToUtf8Bytes(request, HostGuardJson.Default.SessionRequest), cancel);
        if (passphrase is not null)
        {
            input.Write(passphrase.ReadOnlyBytes);
            await input.FlushAsync(cancel);
        }
        input.Close();
        try
        {
            byte[] line = await ControlWire.ReadLineAsync(process.StandardOutput.BaseStream, cancel);
            return ControlWire.Checked(JsonSerializer.Deserialize(line, HostGuardJson.Default.ControlReply)!);
        }
        catch (IOException e)
        {
            string words = await process.StandardError.ReadToEndAsync(cancel);
            throw new VmPodException(ExitCode.Bug, $"The session process ended without an answer. {words.Trim()}", $"The log is in {request.RunFolder}.", e);
        }
    }
}
