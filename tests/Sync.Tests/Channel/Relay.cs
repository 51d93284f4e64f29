using System.Net.Sockets;

namespace VmPod.Sync.Tests.Channel;

/// <summary>Somebody in the middle of a TCP connection, who passes TLS records on, keeps them, and may change one bit of one of them.</summary>
internal sealed class Relay : IDisposable
{
    private readonly Socket[] sockets;
    private readonly Task[] pumps;

    /// <param name="flip">Which record of which direction, and which byte of it (negative: from the end); null to change nothing.</param>
    internal Relay((bool FromHost, int Record, int Byte)? flip = null)
    {
        (Host, Socket nearHost) = Loopback.Pair();
        (Socket nearPod, Pod) = Loopback.Pair();
        sockets = [nearHost, nearPod];
        pumps =
        [
            Task.Run(() => Pump(nearHost, nearPod, FromHost, flip is { FromHost: true } up ? up : null)),
            Task.Run(() => Pump(nearPod, nearHost, FromPod, flip is { FromHost: false } down ? down : null)),
        ];
    }

    internal Socket Host { get; }

    internal Socket Pod { get; }

    /// <summary>Records as they came, before a change.</summary>
    internal List<byte[]> FromHost { get; } = [];

    internal List<byte[]> FromPod { get; } = [];

    /// <summary>Ends it: no record is added any more when this returns.</summary>
    public void Dispose()
    {
        Array.ForEach(sockets, s => s.Dispose());
        Task.WaitAll(pumps);
    }

    /// <summary>Ends it, and sends what came from the host to somebody else, as far as he listens: who refuses hangs up in the middle of it.</summary>
    internal async Task ReplayAsync(Socket to)
    {
        Dispose();
        try
        {
            foreach (byte[] record in FromHost)
                await to.SendAsync(record);
        }
        catch (SocketException)
        {
            // Refused, which is what is asked for, by the other side's end.
        }
    }

    private static void Pump(Socket from, Socket to, List<byte[]> kept, (bool, int Record, int Byte)? flip)
    {
        try
        {
            for (int number = 0; Read(from, 5) is byte[] header; number++)
            {
                byte[]? body = Read(from, (header[3] << 8) + header[4]);
                if (body is null)
                    break;
                byte[] record = [.. header, .. body];
                lock (kept)
                    kept.Add((byte[])record.Clone());
                if (flip is { } f && f.Record == number)
                    record[f.Byte < 0 ? record.Length + f.Byte : f.Byte] ^= 0x04;
                to.Send(record);
            }
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            to.Dispose();
        }
    }

    private static byte[]? Read(Socket from, int length)
    {
        byte[] bytes = new byte[length];
        for (int read = 0, n; read < length; read += n)
        {
            n = from.Receive(bytes.AsSpan(read));
            if (n == 0)
                return null;
        }
        return bytes;
    }
}
