using System.Net.Sockets;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.HostGuard.Control;

namespace VmPod.HostGuard.Commands;

/// <summary>Offers a session's screen on a local socket, for one VNC viewer at a time.</summary>
internal static class ScreenBridge
{
    private static readonly string[] Viewers = ["xtigervncviewer", "vncviewer", "gvncviewer", "remote-viewer"];

    /// <summary>Runs until cancelled.</summary>
    public static async Task RunAsync(string session, string runFolder, CancellationToken cancel)
    {
        string path = Path.Combine(runFolder, "screen.sock");
        File.Delete(path);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        string viewers = string.Join(", ", Viewers);
        Console.Out.WriteLine($"The screen of {session} is at {path} until Ctrl-C. Viewers that can open it (VNC over a unix socket): {viewers}.");
        try
        {
            while (true)
            {
                using Socket viewer = await listener.AcceptAsync(cancel);
                using Socket machine = await ConnectScreenAsync(runFolder, cancel);
                using NetworkStream a = new(viewer), b = new(machine);
                await Task.WhenAny(a.CopyToAsync(b, cancel), b.CopyToAsync(a, cancel));
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    // After its one line, the control connection becomes the viewer's stream.
    private static async Task<Socket> ConnectScreenAsync(string runFolder, CancellationToken cancel)
    {
        Socket socket = await ControlClient.TryConnectAsync(runFolder, cancel) ?? throw new VmPodException(ExitCode.NotFound,
            "The session does not run here any more.");
        using var stream = new NetworkStream(socket);
        await ControlWire.WriteLineAsync(stream, JsonSerializer.SerializeToUtf8Bytes(new ControlRequest { Verb = "display" },
            HostGuardJson.Default.ControlRequest), cancel);
        ControlReply reply = JsonSerializer.Deserialize(await ControlWire.ReadLineAsync(stream, cancel), HostGuardJson.Default.ControlReply)!;
        _ = ControlWire.Checked(reply);
        return socket;
    }
}
