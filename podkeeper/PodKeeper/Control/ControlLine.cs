using System.Net.Sockets;

namespace VmPod.PodKeeper.Control;

/// <summary>Lines of a socket, where bytes of a secret may follow: those are not read, so that they go straight into locked memory.</summary>
internal static class ControlLine
{
    /// <summary>Reads up to a line feed into <paramref name="line"/>; the length without it, or -1 at the end of the stream or if it is too long.</summary>
    internal static int Read(Socket socket, Span<byte> line)
    {
        int length = 0;
        while (length < line.Length)
        {
            // Looked at first, then taken up to the line feed and no further.
            int seen = socket.Receive(line[length..], SocketFlags.Peek);
            if (seen == 0)
                return -1;
            int end = line.Slice(length, seen).IndexOf((byte)'\n');
            int take = end < 0 ? seen : end + 1;
            int taken = socket.Receive(line.Slice(length, take));
            length += taken;
            // What was looked at beyond it may be a secret.
            line[length..].Clear();
            if (end >= 0 && taken == take)
                return length - 1;
        }
        return -1;
    }
}
