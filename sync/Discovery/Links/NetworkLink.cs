using System.Net;
using System.Net.Sockets;

namespace VmPod.Sync.Discovery.Links;

/// <summary>A network interface as the kernel describes it.</summary>
/// <param name="Index">Its number.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsUsable">It is up with a carrier, multicasts, and leads to a network of others: neither loopback nor a tunnel to one peer.</param>
/// <param name="Addresses">Its addresses that are settled.</param>
public sealed record NetworkLink(int Index, string Name, bool IsUsable, IReadOnlyList<LinkAddress> Addresses)
{
    /// <summary>True if an address can be one of this link's machines without a router between.</summary>
    public bool IsOnLink(IPAddress address) => address.IsIPv6LinkLocal || Addresses.Any(a => a.IsNextTo(address));

    /// <summary>True if it has an address of a family; for IPv6, a link-local one: multicast DNS comes from that.</summary>
    public bool Speaks(AddressFamily family) =>
        Addresses.Any(a => a.Address.AddressFamily == family && (family == AddressFamily.InterNetwork || a.Address.IsIPv6LinkLocal));

    /// <inheritdoc/>
    public bool Equals(NetworkLink? other) => other is not null && (Index, Name, IsUsable) == (other.Index, other.Name, other.IsUsable)
        && Addresses.SequenceEqual(other.Addresses);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Index, Name, IsUsable, Addresses.Count);
}
