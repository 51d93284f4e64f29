namespace VmPod.Sync.Discovery.Dns;

/// <summary>A packet of multicast DNS: a query with questions, known answers and, of a probe, the records that it wants; or a response.</summary>
public sealed record DnsMessage
{
    /// <summary>Used by plain DNS alone.</summary>
    public ushort Id { get; init; }

    /// <summary>True for a response, false for a query.</summary>
    public bool IsResponse { get; init; }

    /// <summary>Of a query: more known answers follow in the next packet.</summary>
    public bool IsTruncated { get; init; }

    /// <summary>What is asked.</summary>
    public IReadOnlyList<DnsQuestion> Questions { get; init; } = [];

    /// <summary>Of a response, what is; of a query, what is known.</summary>
    public IReadOnlyList<DnsRecord> Answers { get; init; } = [];

    /// <summary>Of a probe: what the asker wants to be.</summary>
    public IReadOnlyList<DnsRecord> Authorities { get; init; } = [];

    /// <summary>What will be asked next.</summary>
    public IReadOnlyList<DnsRecord> Additionals { get; init; } = [];
}
