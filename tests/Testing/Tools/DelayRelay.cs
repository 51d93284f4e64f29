using System.Net;
using System.Net.Sockets;

namespace VmPod.Testing;

/// <summary>Relays TCP connections and delivers each byte a fixed time late, in each direction, at whatever rate it came: what netem's delay does, in user
/// space, where the kernel has none. Bounded in memory: <see cref="DelayLine"/>, two a connection.</summary>
/// <remarks>TCP itself sees no delay, only what speaks over it does: its slow start and its loss recovery are those of a near link.</remarks>
public sealed class DelayRelay : IDisposable
{
    // One read: what a loopback connection delivers at once.
    private const int PieceBytes = 64 * 1024;

    private readonly Socket listener;
    private readonly EndPoint to;
    private readonly TimeSpan delay;
    private readonly int capacity;
    private readonly Action<Exception>? cut;
    private readonly Lock gate = new();
    private readonly HashSet<Socket> open = [];
    private readonly Thread accepting;
    private bool isDisposed;

    /// <summary>Begins to listen.</summary>
    /// <param name="listen">Where; port 0 for any.</param>
    /// <param name="to">Whereto each connection goes on.</param>
    /// <param name="delay">In each direction.</param>
    /// <param name="capacity">Bytes under way in one direction of one connection: 32 MiB are 1 Gbit/s for a quarter of a second.</param>
    /// <param name="cut">Told why a connection was cut; null if nobody wants to know.</param>
    public DelayRelay(IPEndPoint listen, EndPoint to, TimeSpan delay, int capacity = 32 * 1024 * 1024, Action<Exception>? cut = null)
    {
        this.cut = cut;
        this.to = to;
        this.delay = delay;
        this.capacity = capacity;
        listener = new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(listen);
        listener.Listen();
        accepting = new Thread(Accept) { IsBackground = true, Name = "relay accept" };
        accepting.Start();
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Address => (IPEndPoint)listener.LocalEndPoint!;

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            isDisposed = true;
            listener.Dispose();
            foreach (Socket socket in open)
                socket.Dispose();
        }
        accepting.Join();
    }

    private void Accept()
    {
        while (true)
        {
            try
            {
                Socket from = listener.Accept();
                new Thread(() => Join(from)) { IsBackground = true, Name = "relay connect" }.Start();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Join(Socket from)
    {
        var onward = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (!Keep(from) || !Keep(onward))
                return;
            // That somebody is there is known at the earliest after a way there and back.
            Thread.Sleep(delay + delay);
            onward.Connect(to);
            from.NoDelay = onward.NoDelay = true;
            Thread[] all = [.. Pipe(from, onward), .. Pipe(onward, from)];
            foreach (Thread thread in all)
                thread.Start();
            foreach (Thread thread in all)
                thread.Join();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Nobody is there: the other side finds its connection closed.
            cut?.Invoke(e);
        }
        finally
        {
            lock (gate)
            {
                _ = open.Remove(from);
                _ = open.Remove(onward);
            }
            from.Dispose();
            onward.Dispose();
        }
    }

    private bool Keep(Socket socket)
    {
        lock (gate)
            return !isDisposed && open.Add(socket);
    }

    private Thread[] Pipe(Socket from, Socket onto)
    {
        var line = new DelayLine(delay, capacity);
        return [new Thread(() => Read(from, line)) { IsBackground = true, Name = "relay in" },
            new Thread(() => Write(line, onto, from)) { IsBackground = true, Name = "relay out" }];
    }

    private void Read(Socket from, DelayLine line)
    {
        byte[] piece = new byte[PieceBytes];
        try
        {
            while (from.Receive(piece) is var got and > 0 && line.Put(piece.AsSpan(0, got)))
            {
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was cut: what had come is delivered, then the end.
            cut?.Invoke(e);
        }
        line.Complete();
    }

    private void Write(DelayLine line, Socket onto, Socket from)
    {
        byte[] piece = new byte[PieceBytes];
        try
        {
            while (line.Take(piece) is var got and > 0)
            {
                for (int sent = 0; sent < got;)
                    sent += onto.Send(piece.AsSpan(sent, got - sent));
            }
            onto.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Nobody takes it any more: who sends it must hear of it.
            cut?.Invoke(e);
            line.Break();
            from.Dispose();
        }
    }
}
