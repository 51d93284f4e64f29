using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;

namespace VmPod.Sync.Discovery.Announcing;

/// <summary>The records of a service on one interface (RFC 6763), and what follows from which.</summary>
internal sealed class ServiceRecords
{
    private const uint Ttl = DiscoveryLimits.TtlSeconds;
    private static readonly DnsName Types = DnsName.Of("_services", "_dns-sd", "_udp", "local");
    private readonly DnsRecord pointer, service, text;
    private readonly IReadOnlyList<DnsRecord> addresses;

    internal ServiceRecords(AnnouncedService announced, NetworkLink link)
    {
        Instance = announced.Type.Under(announced.Instance);
        Host = DnsName.Of(announced.Host, "local");
        Enumeration = DnsRecord.Pointer(Types, announced.Type, Ttl);
        pointer = DnsRecord.Pointer(announced.Type, Instance, Ttl);
        service = DnsRecord.Service(Instance, announced.Port, Host, Ttl);
        text = DnsRecord.Text(Instance, announced.Text, Ttl);
        addresses = [.. link.Addresses.Where(a => announced.IsServed(a.Address)).Take(DiscoveryLimits.AddressesMax)
            .Select(a => DnsRecord.Host(Host, a.Address, Ttl))];
        All = [pointer, service, text, .. addresses, Enumeration];
    }

    /// <summary>The instance's name: nobody else's on this link.</summary>
    internal DnsName Instance { get; }

    /// <summary>The machine's name: nobody else's on this link.</summary>
    internal DnsName Host { get; }

    /// <summary>That there are services of this type here: others say the same.</summary>
    internal DnsRecord Enumeration { get; }

    /// <summary>All of them.</summary>
    internal IReadOnlyList<DnsRecord> All { get; }

    /// <summary>False if it is served at no address of this link: then nothing is said.</summary>
    internal bool IsReachable => addresses.Count > 0;

    /// <summary>True for a name that is nobody else's.</summary>
    internal bool IsOwn(DnsName name) => name.Equals(Instance) || name.Equals(Host);

    /// <summary>Those of a name that is nobody else's.</summary>
    internal IEnumerable<DnsRecord> Unique => All.Where(r => r.IsUnique);

    /// <summary>What answers a question; for a name of its own without such a type, that there is none.</summary>
    internal IEnumerable<DnsRecord> AnswersTo(DnsQuestion question)
    {
        DnsRecord[] answers = [.. All.Where(question.IsAnsweredBy)];
        return answers.Length > 0 || !IsOwn(question.Name) ? answers
            : [DnsRecord.Only(question.Name, Unique.Where(r => r.Name.Equals(question.Name)).Select(r => r.Type).Distinct(), Ttl)];
    }

    /// <summary>What whoever asked for these records will ask for next (RFC 6763, 12).</summary>
    internal IEnumerable<DnsRecord> FollowUps(IReadOnlyList<DnsRecord> answers)
    {
        IEnumerable<DnsRecord> next = answers.Contains(pointer) ? [service, text, .. addresses] : answers.Contains(service) ? addresses : [];
        return next.Except(answers);
    }
}
