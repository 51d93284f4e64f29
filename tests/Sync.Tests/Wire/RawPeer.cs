using System.Net.Sockets;
using VmPod.Sync.Wire;

namespace VmPod.Sync.Tests.Wire;

/// <summary>A peer that sends what it likes: one end of a real connection, with a real link at the other.</summary>
internal sealed class RawPeer : IDisposable
{
    private readonly TcpPair wires = new();
    private readonly LinkMemory memory = new();

    /// <summary>Begins to open the link; says HELLO to it unless told not to.</summary>
    /// <param name="role">What this peer plays.</param>
    /// <param name="pod">Answers for the link if it is a pod's.</param>
    /// <param name="hello">Whether to begin properly.</param>
    internal RawPeer(WireRole role, IWireHandler? pod = null, bool hello = true)
    {
        Role = role;
        IWireHandler handler = pod ?? new FakePod();
        Opening = role == WireRole.Host
            ? Task.Run(() => WireLink.Serve(wires.Pod, LinkPair.PodSays(), _ => handler, memory.Options()))
            : Task.Run(() => WireLink.Connect(wires.Host, LinkPair.HostSays(), memory.Options()));
        Stream = role == WireRole.Host ? wires.Host : wires.Pod;
        if (hello)
            Send(WireType.Hello, 0, HelloOf(role));
    }

    internal WireRole Role { get; }

    internal NetworkStream Stream { get; }

    internal Task<WireLink> Opening { get; }

    internal WireLink Link => Opening.Result;

    internal static byte[] HelloOf(WireRole role) => WireCase.BytesOf(role == WireRole.Host ? LinkPair.HostSays() : LinkPair.PodSays());

    internal static byte[] Frame(WireType type, uint request, ReadOnlySpan<byte> body, long? length = null)
    {
        byte[] frame = new byte[WireLimits.HeaderBytes + body.Length];
        new FrameHeader(type, request, length ?? body.Length).WriteTo(frame);
        body.CopyTo(frame.AsSpan(WireLimits.HeaderBytes));
        return frame;
    }

    internal void Send(WireType type, uint request, ReadOnlySpan<byte> body) => Send(Frame(type, request, body));

    /// <summary>Sends; a link that hung up is no error of the peer.</summary>
    internal void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            Stream.Write(bytes);
        }
        catch (IOException)
        {
        }
    }

    /// <summary>The link's next frame that is no beat and no HELLO.</summary>
    internal (FrameHeader Header, byte[] Body) Receive()
    {
        byte[] header = new byte[WireLimits.HeaderBytes];
        while (true)
        {
            Stream.ReadExactly(header);
            FrameHeader frame = FrameHeader.Read(header);
            byte[] body = new byte[frame.BodyBytes];
            Stream.ReadExactly(body);
            if (frame.Type is not (WireType.Beat or WireType.Hello))
                return (frame, body);
        }
    }

    /// <summary>Why the link ended, which it must do soon.</summary>
    internal async Task<Foundation.VmPodException> Failure()
    {
        await Link.Ended.WaitAsync(LinkPair.Soon);
        return Link.Failure!;
    }

    public void Dispose()
    {
        wires.Dispose();
        try
        {
            Link.Dispose();
        }
        catch (AggregateException)
        {
            // It never opened, which is what some tests want.
        }
        memory.Dispose();
    }
}
