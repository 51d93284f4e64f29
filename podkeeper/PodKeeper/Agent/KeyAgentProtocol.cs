using System.Buffers.Binary;
using System.Net.Sockets;

namespace VmPod.PodKeeper.Agent;

/// <summary>
/// What agent and client say to each other: one byte asks, one byte answers, and after <see cref="Granted"/> to <see cref="GiveKey"/> come
/// the 32 bytes of K_root.
/// Both look at the user at the other end (SO_PEERCRED) before anything else; a wrong one hears nothing.
/// </summary>
internal static class KeyAgentProtocol
{
    internal const byte GiveKey = (byte)'k', Ping = (byte)'p', End = (byte)'e', Granted = (byte)'+';

    private const int SOL_SOCKET = 1, SO_PEERCRED = 17, UcredBytes = 12, UidOffset = 4;

    /// <summary>The user at the other end, as the kernel noted it when the connection was made.</summary>
    internal static uint PeerUser(Socket socket)
    {
        // struct ucred := { pid 4 | uid 4 | gid 4 }
        Span<byte> ucred = stackalloc byte[UcredBytes];
        int length = socket.GetRawSocketOption(SOL_SOCKET, SO_PEERCRED, ucred);
        return length == UcredBytes ? BinaryPrimitives.ReadUInt32LittleEndian(ucred[UidOffset..]) : uint.MaxValue;
    }

    internal static void SetPatience(Socket socket) =>
        socket.SendTimeout = socket.ReceiveTimeout = (int)PodLimits.AgentPatience.TotalMilliseconds;

    /// <summary>Fills <paramref name="into"/>, or returns false at the end of the stream.</summary>
    internal static bool TryReceive(Socket socket, Span<byte> into)
    {
        while (into.Length > 0)
        {
            int n = socket.Receive(into);
            if (n == 0)
                return false;
            into = into[n..];
        }
        return true;
    }

    internal static void Send(Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[socket.Send(bytes)..];
    }
}
