using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;

namespace VmPod.PodKeeper.Serving;

/// <summary>
/// Waits for a stranger's first message without taking it: a TLS ClientHello, whole in one record, as our hosts send it. Only then is a handshake begun:
/// whoever says nothing, or half of it, costs a thread that sleeps and no work.
/// </summary>
internal static class FirstMessage
{
    // ContentType 1, version 2, length 2; then HandshakeType 1, length 3 (RFC 8446, 5.1 and 4).
    private const int RecordHeaderBytes = 5, HeaderBytes = RecordHeaderBytes + 4;
    private const byte HandshakeRecord = 22, ClientHello = 1;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    /// <summary>True once it is here; false if it is none, or not here in time.</summary>
    internal static bool Wait(Socket socket, TimeSpan time)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        // Real time: this bounds a thread, whatever clock the pod is given.
        var since = Stopwatch.StartNew();
        while (since.Elapsed < time)
        {
            int left = (int)Math.Max(1, (time - since.Elapsed).TotalMilliseconds);
            socket.ReceiveTimeout = left;
            int read;
            try
            {
                read = socket.Receive(header, SocketFlags.Peek);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return false;
            }
            if (read == 0 || header[0] != HandshakeRecord)
                return false;
            if (read == HeaderBytes)
            {
                int record = BinaryPrimitives.ReadUInt16BigEndian(header[3..]), message = BinaryPrimitives.ReadInt32BigEndian(header[5..]);
                if (message != ((ClientHello << 24) | (record - 4)) || record > Sync.Channel.ChannelLimits.HandshakeMessageBytesMax)
                    return false;
                if (socket.Available >= RecordHeaderBytes + record)
                    return true;
            }
            Thread.Sleep(Step);
        }
        return false;
    }
}
