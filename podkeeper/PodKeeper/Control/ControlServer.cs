using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;

namespace VmPod.PodKeeper.Control;

/// <summary>
/// The control socket of a server: commands of the same user (SO_PEERCRED), while the server owns the vault. A caller that stalls is dropped and keeps
/// nobody waiting.
/// </summary>
public sealed class ControlServer : IDisposable
{
    private readonly string path;
    private readonly Action<ControlCall> answer;
    private readonly Action<Exception> bug;
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Thread accepting;
    private int calls;

    private ControlServer(string path, Action<ControlCall> answer, Action<Exception> bug)
    {
        this.path = path;
        this.answer = answer;
        this.bug = bug;
        accepting = new Thread(Accept) { IsBackground = true, Name = "control accept" };
    }

    /// <summary>Begins to listen. Whoever calls this owns the vault, so a socket that is there is one that a killed server left.</summary>
    /// <param name="folder">This user's runtime folder.</param>
    /// <param name="vaultId">The vault.</param>
    /// <param name="answer">Answers a call, on a thread of the call; disposing the call is not its task.</param>
    /// <param name="bug">Told of what it throws.</param>
    public static ControlServer Listen(RuntimeFolder folder, UInt128 vaultId, Action<ControlCall> answer, Action<Exception> bug)
    {
        var server = new ControlServer(folder.ControlOf(vaultId), answer, bug);
        try
        {
            File.Delete(server.path);
            server.listener.Bind(new UnixDomainSocketEndPoint(server.path));
            File.SetUnixFileMode(server.path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            server.listener.Listen();
            server.accepting.Start();
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Takes no further call.</summary>
    public void Dispose()
    {
        listener.Dispose();
        File.Delete(path);
    }

    private void Accept()
    {
        while (true)
        {
            Socket peer;
            try
            {
                peer = listener.Accept();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
            if (Interlocked.Increment(ref calls) > PodLimits.ControlCallsMax || KeyAgentProtocol.PeerUser(peer) != OwnProcess.User)
            {
                _ = Interlocked.Decrement(ref calls);
                peer.Dispose();
                continue;
            }
            new Thread(() => Serve(peer)) { IsBackground = true, Name = "control call" }.Start();
        }
    }

    private void Serve(Socket peer)
    {
        try
        {
            KeyAgentProtocol.SetPatience(peer);
            using ControlCall? call = ControlCall.TryRead(peer);
            if (call is not null)
                answer(call);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The caller went away or stalls: its own loss.
        }
        catch (Exception e)
        {
            bug(e);
        }
        finally
        {
            peer.Dispose();
            _ = Interlocked.Decrement(ref calls);
        }
    }
}
