using System.Net.Sockets;
using System.Text.Json;
using VmPod.Foundation;

namespace VmPod.HostGuard.Control;

/// <summary>Asks a session process.</summary>
internal static class ControlClient
{
    /// <summary>Sends a request and waits for its answer.</summary>
    /// <exception cref="VmPodException">No such session runs here (3), or what the session process answered.</exception>
    public static async Task<ControlReply> AskAsync(string session, ControlRequest request, CancellationToken cancel)
    {
        using Socket? socket = await TryConnectAsync(RunFolders.Of(session), cancel);
        if (socket is null)
            throw new VmPodException(ExitCode.NotFound, $"Session {session} does not run on this host.", "hostguard status lists those that do.");
        using var stream = new NetworkStream(socket);
        try
        {
            await ControlWire.WriteLineAsync(stream, JsonSerializer.SerializeToUtf8Bytes(request, HostGuardJson.Default.ControlRequest), cancel);
            byte[] line = await ControlWire.ReadLineAsync(stream, cancel);
            return ControlWire.Checked(JsonSerializer.Deserialize(line, HostGuardJson.Default.ControlReply)!);
        }
        catch (IOException e)
        {
            throw new VmPodException(ExitCode.LinkLost, $"The process of session {session} ended before it answered.",
                "Its receipt and log are in the run folder.", e);
        }
    }

    /// <summary>Connects to the session process of a run folder. Null if there is none.</summary>
    public static async Task<Socket?> TryConnectAsync(string folder, CancellationToken cancel)
    {
        string path = Path.Combine(folder, RunFolders.ControlSocket);
        if (!File.Exists(path))
            return null;
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }
}
