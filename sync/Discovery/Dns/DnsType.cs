namespace VmPod.Sync.Discovery.Dns;

/// <summary>Types of records that are used here. Others are skipped.</summary>
public enum DnsType
{
    /// <summary>None: a question for it is answered by nobody.</summary>
    None = 0,

    /// <summary>An IPv4 address.</summary>
    A = 1,

    /// <summary>A name that stands for another: here, that a service has an instance.</summary>
    Ptr = 12,

    /// <summary>Strings: here key=value (RFC 6763, 6).</summary>
    Txt = 16,

    /// <summary>An IPv6 address.</summary>
    Aaaa = 28,

    /// <summary>Host and port of a service (RFC 2782).</summary>
    Srv = 33,

    /// <summary>Which types a name has: that it has no others (RFC 6762, 6.1).</summary>
    Nsec = 47,

    /// <summary>In a question: all types.</summary>
    Any = 255,
}
