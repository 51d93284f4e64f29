using System.Net;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;
using VmPod.Sync.Discovery.Loop;

namespace VmPod.Sync.Discovery.Announcing;

/// <summary>Announces a service on every interface that it is served at, under names of its own on each.</summary>
/// <remarks>Each interface, and each time that one comes up after more than a moment, has other names: nobody who is in two networks can tell by them
/// that the same machine is.</remarks>
public sealed class ServiceAnnouncer : ILinkProtocol, IDisposable
{
    private readonly Func<AnnouncedService?> make;
    private readonly Dictionary<int, (LinkResponder? Responder, Action<byte[], IPEndPoint?> Send, NetworkLink Link)> links = [];
    private readonly Dictionary<int, (AnnouncedService Announced, TimeSpan Gone)> left = [];
    private readonly MdnsLoop loop;
    private volatile bool isStale;

    private ServiceAnnouncer(Func<AnnouncedService?> make, TimeProvider time)
    {
        this.make = make;
        loop = MdnsLoop.Start(this, time, "mdns announce");
    }

    TimeSpan ILinkProtocol.NextAt => links.Values.Select(l => l.Responder?.NextAt ?? TimeSpan.MaxValue).DefaultIfEmpty(TimeSpan.MaxValue).Min();

    /// <summary>Why nothing is announced any more: a bug. Null while all is well.</summary>
    public Exception? Failure => loop.Failure;

    /// <summary>Begins.</summary>
    /// <param name="make">Makes what is announced, each time with new names; null for nothing. Called from a thread of the announcer's, and must not
    /// throw.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="IOException">The kernel does not tell of its interfaces.</exception>
    public static ServiceAnnouncer Start(Func<AnnouncedService?> make, TimeProvider time) => new(make, time);

    /// <summary>What is announced is another thing now: the old goes with a farewell, the new comes under new names.</summary>
    public void Renew() => isStale = true;

    /// <summary>Ends it, with a farewell on every link.</summary>
    public void Dispose() => loop.Dispose();

    void ILinkProtocol.Up(NetworkLink link, Action<byte[], IPEndPoint?> send, TimeSpan now)
    {
        bool isBack = left.Remove(link.Index, out (AnnouncedService Announced, TimeSpan Gone) before) && now - before.Gone <= DiscoveryLimits.NamesStayFor;
        Begin(link, send, isBack ? before.Announced : make(), now);
    }

    void ILinkProtocol.Change(NetworkLink link, TimeSpan now)
    {
        links[link.Index] = links[link.Index] with { Link = link };
        links[link.Index].Responder?.Change(link, now);
    }

    void ILinkProtocol.Down(NetworkLink link, TimeSpan now)
    {
        if (links.Remove(link.Index, out var was) && was.Responder is not null)
            left[link.Index] = (was.Responder.Announced, now);
    }

    void ILinkProtocol.Receive(NetworkLink link, DnsMessage message, IPEndPoint from, TimeSpan now) =>
        links[link.Index].Responder?.Receive(message, from, now);

    void ILinkProtocol.Run(TimeSpan now)
    {
        if (isStale)
        {
            isStale = false;
            left.Clear();
            foreach ((LinkResponder? old, Action<byte[], IPEndPoint?> send, NetworkLink link) in links.Values.ToList())
            {
                old?.Close();
                Begin(link, send, make(), now);
            }
        }
        foreach (int old in left.Where(l => now - l.Value.Gone > DiscoveryLimits.NamesStayFor).Select(l => l.Key).ToList())
            _ = left.Remove(old);
        foreach ((LinkResponder? responder, _, _) in links.Values)
            responder?.Run(now);
    }

    void ILinkProtocol.Close()
    {
        foreach ((LinkResponder? responder, _, _) in links.Values)
            responder?.Close();
    }

    private void Begin(NetworkLink link, Action<byte[], IPEndPoint?> send, AnnouncedService? announced, TimeSpan now) => links[link.Index] =
        (announced is null ? null : new LinkResponder(link, announced, make, send, now), send, link);
}
