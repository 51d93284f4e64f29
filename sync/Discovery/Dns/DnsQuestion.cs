namespace VmPod.Sync.Discovery.Dns;

/// <summary>One question, of class IN.</summary>
/// <param name="Name">About which name.</param>
/// <param name="Type">Which records; a type that is not used here is <see cref="DnsType.None"/>.</param>
/// <param name="WantsUnicast">True if the answer may go to the asker alone (RFC 6762, 5.4).</param>
public sealed record DnsQuestion(DnsName Name, DnsType Type, bool WantsUnicast = false)
{
    /// <summary>True if a record answers it.</summary>
    public bool IsAnsweredBy(DnsRecord record) => (Type == DnsType.Any || Type == record.Type) && Name.Equals(record.Name);
}
