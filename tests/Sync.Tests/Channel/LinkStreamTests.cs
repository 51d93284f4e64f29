using System.Net;
using System.Net.Sockets;
using VmPod.Sync.Channel;
using Xunit;

namespace VmPod.Sync.Tests.Channel;

/// <summary>What the stream under the channel does with its socket.</summary>
public sealed class LinkStreamTests
{
    private const int PeerTakes = 64 * 1024, Frame = 64 * 1024;

    [Fact]
    [Trait("Spec", "S-73")]
    public void What_is_urgent_stands_behind_little_of_what_is_not_even_in_the_kernel()
    {
        // A peer that takes little: a slow link. All that the kernel took must go before a beat, or before a page that the guest waits for.
        long without = TakenByTheKernel(bounded: false), with = TakenByTheKernel(bounded: true);
        TestContext.Current.TestOutputHelper?.WriteLine($"the kernel took {without} bytes, and {with} with a bound");
        Assert.True(without > 1024 * 1024, $"Without a bound {without} bytes: the test shows nothing on this machine.");
        // What the peer's kernel takes (Linux doubles what it is asked for), what may wait here, and a frame that was let in whole.
        Assert.InRange(with, Frame, 4 * PeerTakes + ChannelLimits.UnsentBytesMax + 2 * Frame);
    }

    private static long TakenByTheKernel(bool bounded)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = PeerTakes };
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var host = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        host.Connect(listener.LocalEndPoint!);
        using Socket pod = listener.Accept();
        using LinkStream? link = bounded ? new LinkStream(host, TimeProvider.System) : null;
        host.Blocking = false;
        byte[] frame = new byte[Frame];
        long taken = 0;
        // A second without room: what goes on over loopback by itself has gone on.
        while (host.Poll(TimeSpan.FromSeconds(1), SelectMode.SelectWrite))
        {
            taken += host.Send(frame, SocketFlags.None, out SocketError error);
            if (error is not (SocketError.Success or SocketError.WouldBlock))
                throw new SocketException((int)error);
        }
        return taken;
    }
}
