using System.Net;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;

namespace VmPod.Sync.Discovery.Loop;

/// <summary>What a loop runs: an announcer or a browser. Called from the loop's thread alone; times are since it began.</summary>
internal interface ILinkProtocol
{
    /// <summary>When it wants to run again.</summary>
    TimeSpan NextAt { get; }

    /// <summary>An interface is up, with an address. <paramref name="send"/> takes packets for it: for all, or for one.</summary>
    void Up(NetworkLink link, Action<byte[], IPEndPoint?> send, TimeSpan now);

    /// <summary>Its addresses are others now.</summary>
    void Change(NetworkLink link, TimeSpan now);

    /// <summary>It is down.</summary>
    void Down(NetworkLink link, TimeSpan now);

    /// <summary>A packet came.</summary>
    void Receive(NetworkLink link, DnsMessage message, IPEndPoint from, TimeSpan now);

    /// <summary>Does what is due.</summary>
    void Run(TimeSpan now);

    /// <summary>The loop ends.</summary>
    void Close();
}
