using System.Net;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;
using VmPod.Sync.Discovery.Loop;

namespace VmPod.Sync.Discovery.Browsing;

/// <summary>Looks for services of a type on every interface, for as long as it lives.</summary>
public sealed class ServiceBrowser : ILinkProtocol, IDisposable
{
    private readonly DnsName type;
    private readonly Action<string>? linkUp;
    private readonly SortedDictionary<int, LinkBrowser> links = [];
    private readonly MdnsLoop loop;
    private volatile IReadOnlyList<FoundService> found = [];

    private ServiceBrowser(DnsName type, Action<string>? linkUp, TimeProvider time)
    {
        this.type = type;
        this.linkUp = linkUp;
        loop = MdnsLoop.Start(this, time, "mdns browse");
    }

    TimeSpan ILinkProtocol.NextAt => links.Values.Select(l => l.NextAt).DefaultIfEmpty(TimeSpan.MaxValue).Min();

    /// <summary>What there is at the moment.</summary>
    /// <exception cref="InvalidOperationException">It ended by a bug.</exception>
    public IReadOnlyList<FoundService> Found => loop.Failure is { } bug ? throw new InvalidOperationException("Looking for services ended.", bug) : found;

    /// <summary>How long it has run: <see cref="FoundService.Since"/> is by the same clock.</summary>
    public TimeSpan Now => loop.Now;

    /// <summary>Begins.</summary>
    /// <param name="type">The type, as _vmpod._tcp.local.</param>
    /// <param name="time">The clock.</param>
    /// <param name="linkUp">Told the name of an interface that came up, from a thread of the browser's.</param>
    /// <exception cref="IOException">The kernel does not tell of its interfaces.</exception>
    public static ServiceBrowser Start(DnsName type, TimeProvider time, Action<string>? linkUp = null) => new(type, linkUp, time);

    /// <summary>Ends it.</summary>
    public void Dispose() => loop.Dispose();

    void ILinkProtocol.Up(NetworkLink link, Action<byte[], IPEndPoint?> send, TimeSpan now)
    {
        links[link.Index] = new LinkBrowser(link, type, packet => send(packet, null), now);
        linkUp?.Invoke(link.Name);
    }

    void ILinkProtocol.Change(NetworkLink link, TimeSpan now) => links[link.Index].Change(link, now);

    void ILinkProtocol.Down(NetworkLink link, TimeSpan now)
    {
        _ = links.Remove(link.Index);
        Publish();
    }

    void ILinkProtocol.Receive(NetworkLink link, DnsMessage message, IPEndPoint from, TimeSpan now)
    {
        links[link.Index].Receive(message, now);
        Publish();
    }

    void ILinkProtocol.Run(TimeSpan now)
    {
        foreach (LinkBrowser link in links.Values)
            link.Run(now);
        Publish();
    }

    void ILinkProtocol.Close()
    {
        // A browser has said nothing that it would have to take back.
    }

    private void Publish() => found = [.. links.Values.SelectMany(l => l.Found)];
}
