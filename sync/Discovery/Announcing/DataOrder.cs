using VmPod.Sync.Discovery.Dns;

namespace VmPod.Sync.Discovery.Announcing;

/// <summary>The order that decides between two that want a name (RFC 6762, 8.2): by type, then by the data's bytes, uncompressed.</summary>
internal sealed class DataOrder : IComparer<DnsRecord>
{
    internal static readonly DataOrder Instance = new();

    /// <inheritdoc/>
    public int Compare(DnsRecord? x, DnsRecord? y)
    {
        int byType = x!.Type.CompareTo(y!.Type);
        return byType != 0 ? byType : x.Data.AsSpan().SequenceCompareTo(y.Data);
    }

    /// <summary>Two ordered lists: by the first pair that differs, then by their lengths.</summary>
    internal static int Compare(IReadOnlyList<DnsRecord> x, IReadOnlyList<DnsRecord> y)
    {
        for (int i = 0; i < Math.Min(x.Count, y.Count); i++)
        {
            if (Instance.Compare(x[i], y[i]) is int order and not 0)
                return order;
        }
        return x.Count.CompareTo(y.Count);
    }
}
