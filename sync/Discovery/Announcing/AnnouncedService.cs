using System.Net;
using VmPod.Sync.Discovery.Dns;

namespace VmPod.Sync.Discovery.Announcing;

/// <summary>What one interface is told of a service.</summary>
/// <param name="Type">The service's type, as _vmpod._tcp.local.</param>
/// <param name="Instance">A label of its own on the link.</param>
/// <param name="Host">A label of its own on the link for this machine.</param>
/// <param name="Port">Where it listens.</param>
/// <param name="Text">The strings of its TXT.</param>
/// <param name="IsServed">Whether it listens at an address of this machine.</param>
public sealed record AnnouncedService(DnsName Type, string Instance, string Host, int Port, IReadOnlyList<byte[]> Text, Func<IPAddress, bool> IsServed);
