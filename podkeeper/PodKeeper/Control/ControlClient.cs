using System.Net.Sockets;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.Secrets;

namespace VmPod.PodKeeper.Control;

/// <summary>Asks the server of a vault, if one of this user serves it.</summary>
public sealed class ControlClient : IDisposable
{
    private readonly Socket socket;

    private ControlClient(Socket socket) => this.socket = socket;

    /// <summary>Connects to the server of a vault. Null if none of this user serves it.</summary>
    public static ControlClient? TryConnect(RuntimeFolder folder, UInt128 vaultId)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(folder.ControlOf(vaultId)));
            if (KeyAgentProtocol.PeerUser(socket) == OwnProcess.User)
                return new ControlClient(socket);
        }
        catch (SocketException)
        {
            // No server, or one that was killed.
        }
        socket.Dispose();
        return null;
    }

    /// <summary>Asks, and returns the answer: one JSON object.</summary>
    /// <param name="verb">What.</param>
    /// <param name="arguments">With what; no secret.</param>
    /// <param name="secret">A secret that goes with it.</param>
    /// <param name="screen">Shows and asks what the server wants shown and asked; null if it wants nothing.</param>
    /// <param name="patience">For each line of the server.</param>
    /// <exception cref="VmPodException">The server went away or does not answer (6).</exception>
    public byte[] Ask(string verb, IReadOnlyList<string> arguments, SecretBuffer? secret = null, IControlScreen? screen = null, TimeSpan? patience = null)
    {
        try
        {
            socket.SendTimeout = socket.ReceiveTimeout = (int)(patience ?? PodLimits.ControlPatience).TotalMilliseconds;
            KeyAgentProtocol.Send(socket, ControlCall.LineOf(verb, arguments, secret?.Length ?? 0));
            if (secret is not null)
                KeyAgentProtocol.Send(socket, secret.ReadOnlyBytes);
            while (true)
            {
                byte[] line = ReadLine();
                using JsonDocument document = JsonDocument.Parse(line);
                (string? show, string? ask, int bytes) = ControlCall.Read(document.RootElement);
                if (show is not null && bytes is > 0 and <= SecretLimits.BufferBytesMax)
                    Show(show, bytes, screen);
                else if (ask is not null)
                    KeyAgentProtocol.Send(socket, [screen?.Ask(ask) == true ? (byte)'y' : (byte)'n']);
                else
                    return line;
            }
        }
        catch (Exception e) when (e is SocketException or JsonException or InvalidOperationException)
        {
            throw Gone(e);
        }
    }

    /// <summary>Asks for something that another protocol follows; the connection is the stream's.</summary>
    /// <exception cref="VmPodException">The server went away (6).</exception>
    public Stream Open(string verb)
    {
        try
        {
            KeyAgentProtocol.Send(socket, ControlCall.LineOf(verb, [], 0));
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            throw Gone(e);
        }
    }

    /// <summary>Ends the connection.</summary>
    public void Dispose() => socket.Dispose();

    private void Show(string name, int bytes, IControlScreen? screen)
    {
        using SecretBuffer text = SecretBuffer.Create(bytes, static _ => { });
        if (!KeyAgentProtocol.TryReceive(socket, text.Bytes))
            throw Gone(null);
        screen?.Show(name, text.ReadOnlyBytes);
    }

    private byte[] ReadLine()
    {
        byte[] line = new byte[PodLimits.ControlLineBytesMax];
        using var whole = new MemoryStream();
        while (whole.Length < PodLimits.ControlAnswerBytesMax)
        {
            // A line longer than the buffer comes in parts.
            int seen = socket.Receive(line, SocketFlags.Peek);
            if (seen == 0)
                throw Gone(null);
            int end = line.AsSpan(0, seen).IndexOf((byte)'\n');
            int taken = socket.Receive(line.AsSpan(0, end < 0 ? seen : end + 1));
            bool isLast = end >= 0 && taken == end + 1;
            whole.Write(line, 0, isLast ? taken - 1 : taken);
            line.AsSpan().Clear();
            if (isLast)
                return whole.ToArray();
        }
        throw Gone(null);
    }

    private static VmPodException Gone(Exception? e) => new(ExitCode.Busy, "The server of this pod went away or does not answer.",
        "Look at its log; podkeeper status DIR says who holds the pod.", e);
}
