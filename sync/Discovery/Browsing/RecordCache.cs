using VmPod.Sync.Discovery.Dns;

namespace VmPod.Sync.Discovery.Browsing;

/// <summary>Records that were heard on one interface, until their time is over. Bounded: what comes when it is full is not kept.</summary>
internal sealed class RecordCache
{
    private readonly Dictionary<(DnsName Name, DnsType Type), Dictionary<DnsRecord, Entry>> entries = [];

    /// <summary>How many there are.</summary>
    internal int Count { get; private set; }

    private IEnumerable<KeyValuePair<DnsRecord, Entry>> All => entries.Values.SelectMany(e => e);

    /// <summary>Those of a name and type.</summary>
    internal IReadOnlyCollection<DnsRecord> Of(DnsName name, DnsType type) =>
        entries.TryGetValue((name, type), out Dictionary<DnsRecord, Entry>? some) ? some.Keys : [];

    /// <summary>Takes one in; one that is gone, or that others replace, stays for a second more (RFC 6762, 10).</summary>
    internal void Add(DnsRecord record, TimeSpan now)
    {
        (DnsName, DnsType) key = (record.Name, record.Type);
        _ = entries.TryGetValue(key, out Dictionary<DnsRecord, Entry>? some);
        if (record.IsUnique && some is not null)
        {
            foreach (DnsRecord old in some.Where(e => !e.Key.Equals(record) && now - e.Value.Heard > DiscoveryLimits.GoneAfter).Select(e => e.Key).ToList())
                Shorten(some, old, now);
        }
        if (record.TtlSeconds == 0)
        {
            if (some is not null)
                Shorten(some, record, now);
            return;
        }
        bool isNew = some is null || !some.Remove(record);
        if (isNew && Count >= DiscoveryLimits.CachedRecordsMax)
            return;
        if (some is null)
            entries[key] = some = [];
        var ttl = TimeSpan.FromSeconds(Math.Min(record.TtlSeconds, DiscoveryLimits.TtlSecondsMax));
        some.Add(record, new Entry(now, now + ttl, now + ttl * 0.8));
        Count += isNew ? 1 : 0;
    }

    /// <summary>Forgets what is over, and what nothing leads to any more.</summary>
    internal void Keep(TimeSpan now, Func<DnsRecord, bool> isNeeded)
    {
        foreach (DnsRecord over in All.Where(e => e.Value.Ends <= now || !isNeeded(e.Key)).Select(e => e.Key).ToList())
        {
            Dictionary<DnsRecord, Entry> some = entries[(over.Name, over.Type)];
            _ = some.Remove(over);
            Count--;
            if (some.Count == 0)
                _ = entries.Remove((over.Name, over.Type));
        }
    }

    /// <summary>Those whose time is nearly over, to be asked for again: at 80, 85, 90 and 95 of a hundred parts (RFC 6762, 5.2).</summary>
    internal IReadOnlyList<DnsRecord> TakeStale(TimeSpan now)
    {
        DnsRecord[] stale = [.. All.Where(e => e.Value.AskAt <= now).Select(e => e.Key)];
        foreach (DnsRecord record in stale)
        {
            Dictionary<DnsRecord, Entry> some = entries[(record.Name, record.Type)];
            Entry entry = some[record];
            TimeSpan next = now + (entry.Ends - entry.Heard) * 0.05;
            some[record] = entry with { AskAt = next < entry.Ends ? next : TimeSpan.MaxValue };
        }
        return stale;
    }

    /// <summary>Records of a name and type as known answers: with the time that is left, where that is more than half (RFC 6762, 7.1).</summary>
    internal IEnumerable<DnsRecord> Known(DnsName name, DnsType type, TimeSpan now) =>
        (entries.TryGetValue((name, type), out Dictionary<DnsRecord, Entry>? some) ? some : [])
            .Where(e => e.Value.Ends - now > (e.Value.Ends - e.Value.Heard) / 2)
            .Select(e => e.Key.With((uint)(e.Value.Ends - now).TotalSeconds, isUnique: false));

    /// <summary>When something ends, or is to be asked for.</summary>
    internal TimeSpan NextAt() => All.Select(e => e.Value.AskAt < e.Value.Ends ? e.Value.AskAt : e.Value.Ends).DefaultIfEmpty(TimeSpan.MaxValue).Min();

    private static void Shorten(Dictionary<DnsRecord, Entry> some, DnsRecord record, TimeSpan now)
    {
        if (some.TryGetValue(record, out Entry entry) && entry.Ends > now + DiscoveryLimits.GoneAfter)
            some[record] = entry with { Ends = now + DiscoveryLimits.GoneAfter, AskAt = TimeSpan.MaxValue };
    }

    private readonly record struct Entry(TimeSpan Heard, TimeSpan Ends, TimeSpan AskAt);
}
