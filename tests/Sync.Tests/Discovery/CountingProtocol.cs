using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;
using VmPod.Sync.Discovery.Loop;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>Writes down when links come and go, and what is heard.</summary>
internal sealed class CountingProtocol : ILinkProtocol
{
    internal ConcurrentQueue<(string What, long At)> Events { get; } = [];

    internal ConcurrentQueue<DnsMessage> Heard { get; } = [];

    internal Action? OnRun { get; init; }

    public TimeSpan NextAt => TimeSpan.MaxValue;

    internal int Count(string what) => Events.Count(e => e.What == what);

    public void Up(NetworkLink link, Action<byte[], IPEndPoint?> send, TimeSpan now) => Events.Enqueue(("up", Stopwatch.GetTimestamp()));

    public void Change(NetworkLink link, TimeSpan now) => Events.Enqueue(("change", Stopwatch.GetTimestamp()));

    public void Down(NetworkLink link, TimeSpan now) => Events.Enqueue(("down", Stopwatch.GetTimestamp()));

    public void Receive(NetworkLink link, DnsMessage message, IPEndPoint from, TimeSpan now) => Heard.Enqueue(message);

    public void Run(TimeSpan now) => OnRun?.Invoke();

    public void Close()
    {
    }
}
