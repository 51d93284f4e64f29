using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using VmPod.Foundation;
using VmPod.HostGuard.Session;

namespace VmPod.HostGuard.Control;

/// <summary>Answers the command line for one session, over a socket that only this user can reach.</summary>
internal sealed class ControlServer : IDisposable
{
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly SessionHost host;
    private readonly ILogger log;

    /// <summary>Listens in the session's run folder, which is 0700.</summary>
    public ControlServer(string runFolder, SessionHost host, ILogger log)
    {
        this.host = host;
        this.log = log;
        string path = Path.Combine(runFolder, RunFolders.ControlSocket);
        File.Delete(path);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(8);
    }

    /// <summary>Serves until cancelled. Answers under way are finished first.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var answers = new List<Task>();
        try
        {
            while (true)
            {
                Socket peer = await listener.AcceptAsync(cancel);
                answers.RemoveAll(a => a.IsCompleted);
                answers.Add(AnswerAsync(peer));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(answers);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => listener.Dispose();

    private async Task AnswerAsync(Socket peer)
    {
        using (peer)
        {
            try
            {
                using var stream = new NetworkStream(peer);
                ControlRequest? request = JsonSerializer.Deserialize(await ControlWire.ReadLineAsync(stream, CancellationToken.None),
                    HostGuardJson.Default.ControlRequest);
                ControlReply reply = await ReplyAsync(request!);
                if (request!.Verb == "display")
                {
                    await ShowDisplayAsync(peer, stream);
                    return;
                }
                await ControlWire.WriteLineAsync(stream, JsonSerializer.SerializeToUtf8Bytes(reply, HostGuardJson.Default.ControlReply),
                    CancellationToken.None);
            }
            catch (Exception e) when (e is IOException or JsonException or SocketException)
            {
                log.LogWarning("A command broke off: {Reason}", e.Message);
            }
        }
    }

    // The connection itself goes to QEMU's VNC server, after the one line that says so.
    private async Task ShowDisplayAsync(Socket peer, NetworkStream stream)
    {
        ControlReply reply = host.CanShowDisplay ? new ControlReply() : new ControlReply
        {
            ExitCode = (int)ExitCode.NotFound,
            Error = "This session's machine has no screen.",
            Hint = "Use its serial line: hostguard console SESSION. A screen is given at adopt (--display).",
        };
        await ControlWire.WriteLineAsync(stream, JsonSerializer.SerializeToUtf8Bytes(reply, HostGuardJson.Default.ControlReply), CancellationToken.None);
        if (reply.ExitCode == 0)
            await host.AttachDisplayAsync(peer.SafeHandle);
    }

    private async Task<ControlReply> ReplyAsync(ControlRequest request)
    {
        try
        {
            return request.Verb switch
            {
                "status" => new ControlReply { Status = host.Status() },
                "checkpoint" => new ControlReply { Result = await host.CheckpointAsync(request.Label ?? "checkpoint") },
                "suspend" => new ControlReply { Result = await host.SuspendAsync("suspend") },
                "rehearse" => new ControlReply { Result = await host.RehearseAsync() },
                "leave" => new ControlReply { Result = await host.SuspendAsync("leave") },
                "display" => new ControlReply(),
                "simulate-leave" => new ControlReply { Plan = host.SimulateLeave() },
                _ => new ControlReply
                {
                    ExitCode = (int)ExitCode.Usage,
                    Error = "This hostguard does not know that command.",
                    Hint = "Is it older than the command line?"
                },
            };
        }
        catch (VmPodException e)
        {
            return new ControlReply { ExitCode = (int)e.ExitCode, Error = e.Message, Hint = e.Hint };
        }
        catch (OperationCanceledException)
        {
            return new ControlReply { ExitCode = (int)ExitCode.Busy, Error = "The session is ending." };
        }
        catch (Exception e)
        {
            log.LogError(e, "A command failed");
            return new ControlReply
            {
                ExitCode = (int)ExitCode.Bug,
                Error = $"A bug in hostguard: {e.GetType().Name}.",
                Hint = "The log in the run folder has more."
            };
        }
    }
}
