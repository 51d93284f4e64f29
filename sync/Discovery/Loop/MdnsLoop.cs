using System.Net;
using System.Net.Sockets;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;

namespace VmPod.Sync.Discovery.Loop;

/// <summary>
/// One thread that watches the interfaces, reads what comes, and runs a protocol: in the network namespace of the thread that started it.
/// </summary>
internal sealed class MdnsLoop : IDisposable
{
    private readonly ILinkProtocol protocol;
    private readonly TimeProvider time;
    private readonly long begun;
    private readonly LinkTable table = new();
    private readonly SortedDictionary<int, LinkSockets> open = [];
    private readonly Dictionary<int, TimeSpan> upAt = [];
    private readonly byte[] buffer = new byte[DiscoveryLimits.PacketBytesMax + 1];
    private readonly Thread thread;
    private volatile bool isStopping;
    private TimeSpan lookAt;

    private MdnsLoop(ILinkProtocol protocol, TimeProvider time, string name)
    {
        this.protocol = protocol;
        this.time = time;
        begun = time.GetTimestamp();
        thread = new Thread(Loop) { IsBackground = true, Name = name };
    }

    /// <summary>Begins.</summary>
    /// <exception cref="IOException">The kernel does not tell of its interfaces.</exception>
    internal static MdnsLoop Start(ILinkProtocol protocol, TimeProvider time, string name)
    {
        var loop = new MdnsLoop(protocol, time, name);
        loop.thread.Start();
        return loop;
    }

    /// <summary>Why it ended by itself: a bug. What a stranger's packet can do here at most is to end this loop, never the program.</summary>
    internal Exception? Failure { get; private set; }

    /// <summary>Time since it began.</summary>
    internal TimeSpan Now => time.GetElapsedTime(begun);

    /// <summary>Ends it, with a farewell.</summary>
    public void Dispose()
    {
        isStopping = true;
        thread.Join();
    }

    private void Loop()
    {
        try
        {
            while (!isStopping)
            {
                if (lookAt <= Now)
                    Look();
                protocol.Run(Now);
                Wait();
            }
            protocol.Close();
        }
        catch (Exception e)
        {
            Failure = e;
        }
        finally
        {
            foreach (LinkSockets sockets in open.Values)
                sockets.Dispose();
            table.Dispose();
        }
    }

    private void Wait()
    {
        TimeSpan next = protocol.NextAt < lookAt ? protocol.NextAt : lookAt, left = next - Now;
        left = left > DiscoveryLimits.LoopWait ? DiscoveryLimits.LoopWait : left < TimeSpan.Zero ? TimeSpan.Zero : left;
        var readable = new List<Socket> { table.Changes };
        foreach (LinkSockets sockets in open.Values)
            readable.AddRange(sockets.All);
        Socket.Select(readable, null, null, (int)left.TotalMicroseconds + 1);
        if (readable.Remove(table.Changes))
        {
            table.Drain();
            lookAt = TimeSpan.Zero;
        }
        foreach (LinkSockets sockets in open.Values)
        {
            foreach (Socket socket in sockets.All.Where(readable.Contains))
                Read(sockets.Link, socket);
        }
    }

    private void Read(NetworkLink link, Socket socket)
    {
        EndPoint from = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        int packets = 0;
        try
        {
            do
            {
                int length = socket.ReceiveFrom(buffer, ref from);
                if (DnsReader.TryRead(buffer.AsSpan(0, length), out DnsMessage? message) && from is IPEndPoint asker
                    && (!message!.IsResponse || asker.Port == LinkSockets.Port))
                    protocol.Receive(link, message, asker, Now);
            }
            while (++packets < DiscoveryLimits.PacketsOfOneTurn && socket.Available > 0);
        }
        catch (SocketException)
        {
            // Nothing there after all, or the interface went.
        }
    }

    private void Look()
    {
        lookAt = TimeSpan.MaxValue;
        IReadOnlyList<NetworkLink> links;
        try
        {
            links = table.Read();
        }
        catch (IOException)
        {
            lookAt = Now + DiscoveryLimits.LinkUpEvery;
            return;
        }
        Dictionary<int, NetworkLink> usable = links.Where(l => l.IsUsable && (l.Speaks(AddressFamily.InterNetwork) || l.Speaks(AddressFamily.InterNetworkV6)))
            .Take(DiscoveryLimits.LinksMax).ToDictionary(l => l.Index);
        foreach (LinkSockets gone in open.Values.Where(s => !usable.ContainsKey(s.Link.Index)).ToList())
        {
            _ = open.Remove(gone.Link.Index);
            protocol.Down(gone.Link, Now);
            gone.Dispose();
        }
        foreach (int index in upAt.Keys.Where(i => links.All(l => l.Index != i)).ToList())
            _ = upAt.Remove(index);
        foreach (NetworkLink link in usable.Values)
            Follow(link);
    }

    private void Follow(NetworkLink link)
    {
        if (open.TryGetValue(link.Index, out LinkSockets? sockets))
        {
            if (sockets.Link.Equals(link))
                return;
            sockets.Follow(link);
            protocol.Change(link, Now);
            return;
        }
        // A link that flaps begins anew once a second, and not each time.
        if (upAt.TryGetValue(link.Index, out TimeSpan last) && Now - last < DiscoveryLimits.LinkUpEvery)
        {
            TimeSpan again = last + DiscoveryLimits.LinkUpEvery;
            lookAt = again < lookAt ? again : lookAt;
            return;
        }
        upAt[link.Index] = Now;
        sockets = new LinkSockets(link);
        sockets.Follow(link);
        open[link.Index] = sockets;
        protocol.Up(link, sockets.Send, Now);
    }
}
