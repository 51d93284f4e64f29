using System.Net;
using VmPod.Sync.Discovery;
using VmPod.Sync.Discovery.Announcing;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>A link without sockets, and what goes over it.</summary>
internal static class TestLink
{
    internal static readonly IPEndPoint Neighbour = new(IPAddress.Parse("10.77.0.9"), 5353), PlainDns = new(IPAddress.Parse("10.77.0.9"), 40000);

    internal static readonly DnsName Instance = PodService.Type.Under("instance1"), Host = DnsName.Of("host1", "local"),
        Types = DnsName.Of("_services", "_dns-sd", "_udp", "local");

    internal static NetworkLink Of(params string[] addresses) => new(7, "test0", true, [.. addresses.Select(a => new LinkAddress(IPAddress.Parse(a), 24))]);

    internal static AnnouncedService Service(int number = 1) =>
        new(PodService.Type, $"instance{number}", $"host{number}", 7413, [[.. "v=1"u8]], _ => true);

    internal static DnsMessage Ask(params (DnsName Name, DnsType Type)[] questions) =>
        new() { Questions = [.. questions.Select(q => new DnsQuestion(q.Name, q.Type))] };

    internal static DnsMessage Say(params DnsRecord[] answers) => new() { IsResponse = true, Answers = answers };

    internal static DnsMessage Read(byte[] packet) =>
        DnsReader.TryRead(packet, out DnsMessage? message) ? message! : throw new InvalidDataException("not read");

    internal static TimeSpan Ms(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
