using System.Net;
using VmPod.Sync.Discovery.Announcing;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>A responder with a clock of the test's, and all that it sent.</summary>
internal sealed class TestResponder
{
    private int names = 1;

    internal TestResponder(NetworkLink? link = null)
    {
        Responder = new LinkResponder(link ?? TestLink.Of("10.77.0.1", "fe80::1"), TestLink.Service(), () => TestLink.Service(++names), Take, TimeSpan.Zero);
    }

    internal LinkResponder Responder { get; }

    internal TimeSpan Now { get; private set; }

    internal List<(TimeSpan At, DnsMessage Message, IPEndPoint? To)> Sent { get; } = [];

    /// <summary>Lets time pass, a millisecond at a time.</summary>
    internal TestResponder Pass(double milliseconds)
    {
        for (TimeSpan end = Now + TestLink.Ms(milliseconds); Now < end; Now += TestLink.Ms(1))
            Responder.Run(Now);
        return this;
    }

    /// <summary>Until it has announced twice, and a second more: it may answer anything now.</summary>
    internal static TestResponder Running()
    {
        TestResponder running = new TestResponder().Pass(4000);
        running.Sent.Clear();
        return running;
    }

    /// <summary>What it sends within half a second of a message.</summary>
    internal (TimeSpan At, DnsMessage Message, IPEndPoint? To)[] Hear(DnsMessage message, IPEndPoint? from = null)
    {
        int before = Sent.Count;
        Responder.Receive(message, from ?? TestLink.Neighbour, Now);
        _ = Pass(600);
        return [.. Sent.Skip(before)];
    }

    private void Take(byte[] packet, IPEndPoint? to) => Sent.Add((Now, TestLink.Read(packet), to));
}
