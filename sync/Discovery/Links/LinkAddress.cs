using System.Net;

namespace VmPod.Sync.Discovery.Links;

/// <summary>An address of this machine, and how much of it is the network's.</summary>
/// <param name="Address">The address, without a scope.</param>
/// <param name="PrefixBits">Bits of the network's part.</param>
public readonly record struct LinkAddress(IPAddress Address, int PrefixBits)
{
    /// <summary>True if an address is in the same network.</summary>
    public bool IsNextTo(IPAddress other)
    {
        if (other.AddressFamily != Address.AddressFamily)
            return false;
        byte[] own = Address.GetAddressBytes(), others = other.GetAddressBytes();
        int whole = PrefixBits / 8, rest = PrefixBits % 8;
        return own.AsSpan(0, whole).SequenceEqual(others.AsSpan(0, whole))
            && (rest == 0 || (own[whole] ^ others[whole]) >> (8 - rest) == 0);
    }
}
