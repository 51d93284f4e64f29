using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.PodKeeper.Agent;

/// <summary>Asks this user's key agent.</summary>
public static class KeyAgentClient
{
    private const int RootBytes = 32;

    /// <summary>K_root of a vault, straight into locked memory. Null if no agent has it.</summary>
    public static SecretBuffer? TryFetch(RuntimeFolder folder, UInt128 vaultId) =>
        Ask(folder, vaultId, KeyAgentProtocol.GiveKey, static socket =>
    {
        SecretBuffer root = SecretBuffer.Create(RootBytes, static _ => { });
        bool isWhole = false;
        try
        {
            isWhole = KeyAgentProtocol.TryReceive(socket, root.Bytes);
            return isWhole ? root : null;
        }
        finally
        {
            if (!isWhole)
                root.Dispose();
        }
    });

    /// <summary>True if an agent keeps this vault unlocked.</summary>
    public static bool IsServing(RuntimeFolder folder, UInt128 vaultId) =>
        Ask(folder, vaultId, KeyAgentProtocol.Ping, static _ => "") is not null;

    /// <summary>Ends the agent of a vault; its key is zero when this returns. False if there was none.</summary>
    public static bool TryEnd(RuntimeFolder folder, UInt128 vaultId) =>
        Ask(folder, vaultId, KeyAgentProtocol.End, static _ => "") is not null;

    private static T? Ask<T>(RuntimeFolder folder, UInt128 vaultId, byte question, Func<Socket, T?> read)
        where T : class
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        KeyAgentProtocol.SetPatience(socket);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(folder.SocketOf(vaultId)));
            if (KeyAgentProtocol.PeerUser(socket) != OwnProcess.User)
                return null;
            Span<byte> answer = stackalloc byte[1];
            KeyAgentProtocol.Send(socket, [question]);
            return KeyAgentProtocol.TryReceive(socket, answer) && answer[0] == KeyAgentProtocol.Granted ? read(socket) : null;
        }
        catch (SocketException)
        {
            // No agent, or one that just ended: the same to the caller, who then asks for the passphrase.
            return null;
        }
    }
}
