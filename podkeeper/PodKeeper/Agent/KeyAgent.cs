using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Agent;

/// <summary>
/// Keeps one pod unlocked for one user: holds K_root in locked memory and hands it to processes of the same user over a Unix socket.
/// </summary>
/// <remarks>
/// It holds neither the vault nor its lock, and nothing of the pod's folder open, so that the pod can be used and unmounted. One thread
/// serves one connection at a
/// time: an exchange takes microseconds, and a peer that stalls is dropped.
/// Not promised: that a process of the same user could not ask for the key. It could read this process's user's files and terminal as well.
/// </remarks>
public sealed class KeyAgent : IDisposable
{
    private readonly string socketPath, podFolder;
    private readonly UInt128 vaultId;
    private readonly SecretBuffer root;
    private readonly TimeSpan idle;
    private readonly TimeProvider time;
    private readonly SafeFileHandle claim;
    private readonly Socket listener;

    private KeyAgent(string socketPath, SafeFileHandle claim, UInt128 vaultId, SecretBuffer root, string podFolder, TimeSpan idle,
        TimeProvider time)
    {
        this.socketPath = socketPath;
        this.claim = claim;
        this.vaultId = vaultId;
        this.root = root;
        this.podFolder = podFolder;
        this.idle = idle;
        this.time = time;
        listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    }

    /// <summary>Begins to listen; clients can connect when this returns. Takes ownership of the key, also if it throws.</summary>
    /// <param name="folder">This user's runtime folder.</param>
    /// <param name="vaultId">The vault whose key it is.</param>
    /// <param name="root">K_root.</param>
    /// <param name="podFolder">The pod's folder: when it is gone, the agent ends.</param>
    /// <param name="idle">The agent ends when nobody asked for the key for so long.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="VmPodException">An agent for this vault is there already (6).</exception>
    public static KeyAgent Listen(RuntimeFolder folder, UInt128 vaultId, SecretBuffer root, string podFolder, TimeSpan idle,
        TimeProvider time)
    {
        SafeFileHandle? claim = null;
        KeyAgent? agent = null;
        try
        {
            string socketPath = folder.SocketOf(vaultId);
            claim = Libc.OpenFile(folder.LockOf(vaultId), write: true, create: true)!;
            if (!Libc.TryLock(claim, exclusive: true))
                throw new VmPodException(ExitCode.Busy, "This pod is unlocked already: another key agent serves it.",
                    "podkeeper lock DIR ends it.");
            agent = new KeyAgent(socketPath, claim, vaultId, root, podFolder, idle, time);
            // What a killed agent left behind: the lock says that nobody serves it.
            File.Delete(socketPath);
            agent.listener.Bind(new UnixDomainSocketEndPoint(socketPath));
            File.SetUnixFileMode(socketPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            agent.listener.Listen();
            return agent;
        }
        catch
        {
            agent?.Dispose();
            claim?.Dispose();
            root.Dispose();
            throw;
        }
    }

    /// <summary>Serves until it ends by itself, is asked to, or is cancelled; the key is zero when it returns.</summary>
    public AgentEnd Serve(CancellationToken cancel)
    {
        try
        {
            // Both clocks: the monotonic one stands still while the machine sleeps, the other one can be set.
            (long ticks, DateTimeOffset at) used = (time.GetTimestamp(), time.GetUtcNow());
            while (true)
            {
                if (cancel.IsCancellationRequested)
                    return AgentEnd.Stopped;
                if (!IsThere())
                    return AgentEnd.FolderGone;
                if (time.GetElapsedTime(used.ticks) >= idle || time.GetUtcNow() - used.at >= idle)
                    return AgentEnd.Idle;
                if (!listener.Poll(PodLimits.AgentWatch, SelectMode.SelectRead))
                    continue;
                using Socket peer = listener.Accept();
                // When it was asked, not when the answer was through: a clock that jumps in between must not count as use.
                (long, DateTimeOffset) asked = (time.GetTimestamp(), time.GetUtcNow());
                switch (Answer(peer))
                {
                    case KeyAgentProtocol.End:
                        return AgentEnd.Asked;
                    case KeyAgentProtocol.GiveKey:
                        used = asked;
                        break;
                }
            }
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>Zeroes the key, and lets go of socket and claim.</summary>
    public void Dispose()
    {
        root.Dispose();
        if (claim.IsClosed)
            return;
        listener.Dispose();
        File.Delete(socketPath);
        claim.Dispose();
    }

    // What was asked and answered; 0 for nothing.
    private byte Answer(Socket peer)
    {
        try
        {
            KeyAgentProtocol.SetPatience(peer);
            if (KeyAgentProtocol.PeerUser(peer) != OwnProcess.User)
                return 0;
            Span<byte> question = stackalloc byte[1];
            if (!KeyAgentProtocol.TryReceive(peer, question))
                return 0;
            switch (question[0])
            {
                case KeyAgentProtocol.GiveKey:
                    KeyAgentProtocol.Send(peer, [KeyAgentProtocol.Granted]);
                    KeyAgentProtocol.Send(peer, root.ReadOnlyBytes);
                    break;
                case KeyAgentProtocol.End:
                    // The answer means: the key is zero.
                    Dispose();
                    KeyAgentProtocol.Send(peer, [KeyAgentProtocol.Granted]);
                    break;
                case KeyAgentProtocol.Ping:
                    KeyAgentProtocol.Send(peer, [KeyAgentProtocol.Granted]);
                    break;
                default:
                    return 0;
            }
            return question[0];
        }
        catch (SocketException)
        {
            // A peer that went away or stalls: its own loss. If it asked to end, that is done.
            return claim.IsClosed ? KeyAgentProtocol.End : (byte)0;
        }
    }

    private bool IsThere()
    {
        try
        {
            return CellStore.ReadDescriptor(podFolder).VaultId == vaultId;
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
