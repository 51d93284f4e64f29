using System.Buffers.Binary;
using System.Net;

namespace VmPod.Sync.Discovery.Dns;

/// <summary>One record, of class IN. Its data are uncompressed, and right for its type. Two are equal if they say the same of the same name, for whatever
/// time.</summary>
public sealed class DnsRecord : IEquatable<DnsRecord>
{
    private const int SrvNameOffset = 6;

    internal DnsRecord(DnsName name, DnsType type, bool isUnique, uint ttlSeconds, byte[] data)
    {
        Name = name;
        Type = type;
        IsUnique = isUnique;
        TtlSeconds = ttlSeconds;
        Data = data;
    }

    /// <summary>Whose it is.</summary>
    public DnsName Name { get; }

    /// <summary>What it is.</summary>
    public DnsType Type { get; }

    /// <summary>True if nobody else has records of this name and type: others that were heard before go (the cache-flush bit, RFC 6762, 10.2).</summary>
    public bool IsUnique { get; }

    /// <summary>Seconds that it lives; 0: it is gone.</summary>
    public uint TtlSeconds { get; }

    /// <summary>Its data.</summary>
    internal byte[] Data { get; }

    /// <summary>The name that a PTR or SRV leads to.</summary>
    internal DnsName Target => new(Type switch
    {
        DnsType.Ptr => Data,
        DnsType.Srv => Data.AsSpan(SrvNameOffset),
        _ => throw new InvalidOperationException("This record leads to no name."),
    });

    /// <summary>The port of an SRV.</summary>
    internal int Port => BinaryPrimitives.ReadUInt16BigEndian(Data.AsSpan(4));

    /// <summary>The address of an A or AAAA, without a scope.</summary>
    internal IPAddress Address => new(Data);

    internal static DnsRecord Pointer(DnsName name, DnsName target, uint ttlSeconds) => new(name, DnsType.Ptr, false, ttlSeconds, target.Wire.ToArray());

    internal static DnsRecord Service(DnsName name, int port, DnsName host, uint ttlSeconds) =>
        new(name, DnsType.Srv, true, ttlSeconds, [0, 0, 0, 0, (byte)(port >> 8), (byte)(port & 0xFF), .. host.Wire]);

    /// <summary>Strings of at most 255 bytes; none is written as one that is empty (RFC 6763, 6.1).</summary>
    internal static DnsRecord Text(DnsName name, IReadOnlyList<byte[]> strings, uint ttlSeconds) =>
        new(name, DnsType.Txt, true, ttlSeconds, strings.Count == 0 ? [0] : [.. strings.SelectMany(s => s.Prepend(checked((byte)s.Length)))]);

    internal static DnsRecord Host(DnsName name, IPAddress address, uint ttlSeconds)
    {
        byte[] bytes = address.GetAddressBytes();
        return new DnsRecord(name, bytes.Length == 4 ? DnsType.A : DnsType.Aaaa, true, ttlSeconds, bytes);
    }

    /// <summary>That a name has these types and no others.</summary>
    internal static DnsRecord Only(DnsName name, IEnumerable<DnsType> types, uint ttlSeconds)
    {
        byte[] bits = new byte[((int)DnsType.Nsec >> 3) + 1];
        int used = 1;
        foreach (int type in types.Select(t => (int)t).Where(t => t <= (int)DnsType.Nsec))
        {
            bits[type >> 3] |= (byte)(0x80 >> (type & 7));
            used = Math.Max(used, (type >> 3) + 1);
        }
        return new DnsRecord(name, DnsType.Nsec, true, ttlSeconds, [.. name.Wire, 0, (byte)used, .. bits[..used]]);
    }

    /// <summary>The strings of a TXT.</summary>
    internal IReadOnlyList<byte[]> Strings()
    {
        var strings = new List<byte[]>();
        for (int at = 0; at < Data.Length; at += 1 + Data[at])
            strings.Add(Data[(at + 1)..(at + 1 + Data[at])]);
        return strings;
    }

    internal DnsRecord With(uint ttlSeconds, bool isUnique) => new(Name, Type, isUnique, ttlSeconds, Data);

    /// <inheritdoc/>
    public bool Equals(DnsRecord? other) => other is not null && Type == other.Type && Name.Equals(other.Name)
        && (Type == DnsType.Ptr ? DnsName.IsSame(Data, other.Data) : Data.AsSpan().SequenceEqual(other.Data));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DnsRecord);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Name);
        hash.Add(Type);
        if (Type == DnsType.Ptr)
            hash.Add(Target);
        else
            hash.AddBytes(Data);
        return hash.ToHashCode();
    }
}
