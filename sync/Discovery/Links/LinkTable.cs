using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using VmPod.Foundation;

namespace VmPod.Sync.Discovery.Links;

/// <summary>
/// The network interfaces of this machine, and a word as soon as they change: rtnetlink(7), in the network namespace of the thread that made it.
/// </summary>
/// <remarks>.NET's NetworkChange speaks to the same socket, but waits 150 ms before it says that a link is up, and has one for the whole process.</remarks>
public sealed class LinkTable : IDisposable
{
    private const int DumpBytes = 64 * 1024, HeaderBytes = 16, AskTimeoutMs = 2000;
    private const ushort NewLink = 16, GetLink = 18, NewAddress = 20, GetAddress = 22, Error = 2, Done = 3;
    private readonly byte[] buffer = new byte[DumpBytes];
    private readonly Socket asking;

    /// <summary>Opens it.</summary>
    /// <exception cref="IOException">The kernel refuses.</exception>
    public LinkTable()
    {
        asking = RouteSocket.Open(0);
        try
        {
            asking.ReceiveTimeout = AskTimeoutMs;
            Changes = RouteSocket.Open(RouteSocket.Links | RouteSocket.IPv4Addresses | RouteSocket.IPv6Addresses);
            Changes.Blocking = false;
        }
        catch
        {
            asking.Dispose();
            throw;
        }
    }

    /// <summary>Can be read when something may have changed; then <see cref="Drain"/>, and <see cref="Read"/>.</summary>
    public Socket Changes { get; }

    /// <summary>Throws away what was said: what is true now is read, and so nothing is lost if the kernel had more to say than room.</summary>
    public void Drain()
    {
        try
        {
            while (Changes.Poll(0, SelectMode.SelectRead))
                _ = Changes.Receive(buffer);
        }
        catch (SocketException)
        {
            // Nothing left, or the kernel says that it dropped some.
        }
    }

    /// <summary>All interfaces, by number.</summary>
    /// <exception cref="IOException">The kernel does not answer.</exception>
    public IReadOnlyList<NetworkLink> Read()
    {
        // A carrier, and not what the kernel makes of it (IFF_RUNNING): that comes up to a second later where another interface changed just before.
        const uint up = 0x1, loopback = 0x8, pointToPoint = 0x10, multicast = 0x1000, carrier = 0x1_0000, dormant = 0x2_0000,
            needed = up | multicast | carrier, unwanted = loopback | pointToPoint | dormant;
        var links = new SortedDictionary<int, (string Name, uint Flags, List<LinkAddress> Addresses)>();
        Ask(GetLink, NewLink, 16, body =>
        {
            string name = Encoding.UTF8.GetString(Attribute(body[16..], 3)).TrimEnd('\0');
            links[MemoryMarshal.Read<int>(body[4..])] = (name, MemoryMarshal.Read<uint>(body[8..]), []);
        });
        Ask(GetAddress, NewAddress, 8, body =>
        {
            if (links.TryGetValue(MemoryMarshal.Read<int>(body[4..]), out var link) && Settled(body) is { } address)
                link.Addresses.Add(address);
        });
        return [.. links.Select(l => new NetworkLink(l.Key, l.Value.Name, (l.Value.Flags & (needed | unwanted)) == needed,
            l.Value.Addresses))];
    }

    /// <summary>Closes it.</summary>
    public void Dispose()
    {
        asking.Dispose();
        Changes.Dispose();
    }

    private static LinkAddress? Settled(ReadOnlySpan<byte> body)
    {
        const int address = 1, local = 2, flagsAttribute = 8;
        const uint tentative = 0x40, failed = 0x08;
        ReadOnlySpan<byte> attributes = body[8..], wide = Attribute(attributes, flagsAttribute), own = Attribute(attributes, local);
        uint flags = wide.Length == 4 ? MemoryMarshal.Read<uint>(wide) : body[2];
        if (own.IsEmpty)
            own = Attribute(attributes, address);
        return own.Length is 4 or 16 && (flags & (tentative | failed)) == 0 ? new LinkAddress(new IPAddress(own), body[1]) : null;
    }

    // The value of an attribute; empty if there is none.
    private static ReadOnlySpan<byte> Attribute(ReadOnlySpan<byte> attributes, ushort wanted)
    {
        const int header = 4;
        while (attributes.Length >= header)
        {
            int length = MemoryMarshal.Read<ushort>(attributes);
            if (length < header || length > attributes.Length)
                return [];
            if (MemoryMarshal.Read<ushort>(attributes[2..]) == wanted)
                return attributes[header..length];
            attributes = attributes[Math.Min(Aligned(length), attributes.Length)..];
        }
        return [];
    }

    private static int Aligned(int length) => (length + 3) & ~3;

    // nlmsghdr := length 4 | type 2 | flags 2 | sequence 4 | port 4, in the machine's own order of bytes
    private void Ask(ushort request, ushort reply, int bodyBytes, Action<ReadOnlySpan<byte>> each)
    {
        const ushort requestDump = 0x301;
        Span<byte> question = stackalloc byte[HeaderBytes + bodyBytes];
        question.Clear();
        MemoryMarshal.Write(question, question.Length);
        MemoryMarshal.Write(question[4..], request);
        MemoryMarshal.Write(question[6..], requestDump);
        try
        {
            _ = asking.Send(question);
            while (true)
            {
                ReadOnlySpan<byte> answer = buffer.AsSpan(0, asking.Receive(buffer));
                while (answer.Length >= HeaderBytes)
                {
                    int length = MemoryMarshal.Read<int>(answer);
                    ushort type = MemoryMarshal.Read<ushort>(answer[4..]);
                    if (type == Done)
                        return;
                    if (type == Error || length < HeaderBytes || length > answer.Length)
                        throw new IOException("The kernel does not list the network interfaces.");
                    if (type == reply && length >= HeaderBytes + bodyBytes)
                        each(answer[HeaderBytes..length]);
                    answer = answer[Math.Min(Aligned(length), answer.Length)..];
                }
            }
        }
        catch (SocketException e)
        {
            throw new IOException("The kernel does not list the network interfaces.", e);
        }
    }
}
