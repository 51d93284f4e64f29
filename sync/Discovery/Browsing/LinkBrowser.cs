using System.Net;
using System.Security.Cryptography;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;

namespace VmPod.Sync.Discovery.Browsing;

/// <summary>
/// Looks for services of one type on one interface (RFC 6762, RFC 6763). Plain: messages and times in, packets out; no socket, no clock.
/// </summary>
internal sealed class LinkBrowser
{
    private readonly DnsName type;
    private readonly Action<byte[]> send;
    private readonly RecordCache cache = new();
    private readonly Dictionary<(DnsName Name, DnsType Type), Wanted> wanted = [];
    private readonly Dictionary<DnsName, TimeSpan> complete = [];
    private NetworkLink link;

    /// <summary>Begins to ask.</summary>
    internal LinkBrowser(NetworkLink link, DnsName type, Action<byte[]> send, TimeSpan now)
    {
        this.link = link;
        this.type = type;
        this.send = send;
        AskAnew(now);
    }

    /// <summary>Services whose port, text and an address are known.</summary>
    internal IReadOnlyList<FoundService> Found { get; private set; } = [];

    /// <summary>When it wants to run again.</summary>
    internal TimeSpan NextAt
    {
        get
        {
            TimeSpan next = cache.NextAt();
            foreach (Wanted one in wanted.Values)
                next = one.At < next ? one.At : next;
            return next;
        }
    }

    /// <summary>Records that are kept: for tests of the bound.</summary>
    internal int CachedRecords => cache.Count;

    /// <summary>The interface has other addresses now: perhaps it is heard by others.</summary>
    internal void Change(NetworkLink changed, TimeSpan now)
    {
        link = changed;
        AskAnew(now);
    }

    /// <summary>Somebody says something. What nobody asked for is not kept.</summary>
    internal void Receive(DnsMessage message, TimeSpan now)
    {
        if (!message.IsResponse)
            return;
        DnsRecord[] all = [.. message.Answers, .. message.Additionals];
        foreach (DnsRecord record in all.Where(r => r.Type == DnsType.Ptr && r.Name.Equals(type)))
        {
            IReadOnlyCollection<DnsRecord> known = cache.Of(type, DnsType.Ptr);
            if (record.Target.IsChildOf(type) && (known.Count < DiscoveryLimits.ServicesMax || known.Contains(record)))
                cache.Add(record, now);
        }
        HashSet<DnsName> instances = [.. Instances()];
        foreach (DnsRecord record in all.Where(r => r.Type is DnsType.Srv or DnsType.Txt && instances.Contains(r.Name)))
            cache.Add(record, now);
        HashSet<DnsName> hosts = Hosts();
        foreach (DnsRecord record in all.Where(r => r.Type is DnsType.A or DnsType.Aaaa && hosts.Contains(r.Name)))
        {
            // An announcement can send this host nowhere but to its own link.
            IReadOnlyCollection<DnsRecord> known = cache.Of(record.Name, record.Type);
            if (link.IsOnLink(record.Address) && (known.Count < DiscoveryLimits.AddressesMax || known.Contains(record)))
                cache.Add(record, now);
        }
        Look(now);
    }

    /// <summary>Asks what is to be asked, and forgets what is over.</summary>
    internal void Run(TimeSpan now)
    {
        Look(now);
        var questions = new List<DnsQuestion>();
        foreach (((DnsName name, DnsType kind) key, Wanted one) in wanted.Where(w => w.Value.At <= now).Take(DiscoveryLimits.QuestionsAskedMax).ToList())
        {
            questions.Add(new DnsQuestion(key.name, key.kind));
            TimeSpan every = one.Every * 2 < DiscoveryLimits.QueryEveryMax ? one.Every * 2 : DiscoveryLimits.QueryEveryMax;
            wanted[key] = new Wanted(now + one.Every, every);
        }
        questions.AddRange(cache.TakeStale(now).Select(r => new DnsQuestion(r.Name, r.Type)));
        if (questions.Count == 0)
            return;
        DnsQuestion[] asked = [.. questions.Distinct().Take(DiscoveryLimits.QuestionsAskedMax)];
        send(DnsWriter.Write(new DnsMessage
        {
            Questions = asked,
            Answers = [.. asked.SelectMany(q => cache.Known(q.Name, q.Type, now))],
        }));
    }

    private void AskAnew(TimeSpan now) => wanted[(type, DnsType.Ptr)] = new Wanted(now + TimeSpan.FromMilliseconds(
        RandomNumberGenerator.GetInt32(DiscoveryLimits.FirstQueryDelayMsMin, DiscoveryLimits.FirstQueryDelayMsMax + 1)), DiscoveryLimits.QueryEvery);

    private IEnumerable<DnsName> Instances() => cache.Of(type, DnsType.Ptr).Select(r => r.Target);

    private HashSet<DnsName> Hosts() => [.. Instances().SelectMany(i => cache.Of(i, DnsType.Srv)).Select(r => r.Target)];

    // What there is of each service, and what is missing.
    private void Look(TimeSpan now)
    {
        cache.Keep(now, _ => true);
        HashSet<DnsName> instances = [.. Instances()], hosts = Hosts();
        cache.Keep(now, r => r.Type switch
        {
            DnsType.Srv or DnsType.Txt => instances.Contains(r.Name),
            DnsType.A or DnsType.Aaaa => hosts.Contains(r.Name),
            _ => true,
        });
        var missing = new HashSet<(DnsName, DnsType)> { (type, DnsType.Ptr) };
        var found = new List<FoundService>();
        foreach (DnsName instance in instances)
        {
            DnsRecord? service = cache.Of(instance, DnsType.Srv).FirstOrDefault(), text = cache.Of(instance, DnsType.Txt).FirstOrDefault();
            if (service is null)
                _ = missing.Add((instance, DnsType.Srv));
            if (text is null)
                _ = missing.Add((instance, DnsType.Txt));
            if (service is null)
                continue;
            DnsName host = service.Target;
            IPAddress[] addresses = [.. cache.Of(host, DnsType.A).Concat(cache.Of(host, DnsType.Aaaa)).Select(Scoped)];
            if (addresses.Length == 0)
                missing.UnionWith([(host, DnsType.A), (host, DnsType.Aaaa)]);
            else if (text is not null && service.Port > 0)
            {
                _ = complete.TryAdd(instance, now);
                found.Add(new FoundService(link.Name, DnsName.Text(instance.FirstLabel), service.Port, addresses, text.Strings(), complete[instance]));
            }
        }
        foreach (DnsName gone in complete.Keys.Where(n => !instances.Contains(n)).ToList())
            _ = complete.Remove(gone);
        foreach ((DnsName, DnsType) answered in wanted.Keys.Where(w => !missing.Contains(w)).ToList())
            _ = wanted.Remove(answered);
        foreach ((DnsName, DnsType) one in missing)
            _ = wanted.TryAdd(one, new Wanted(now, DiscoveryLimits.QueryEvery));
        Found = found;
    }

    private IPAddress Scoped(DnsRecord record)
    {
        IPAddress address = record.Address;
        return address.IsIPv6LinkLocal ? new IPAddress(address.GetAddressBytes(), link.Index) : address;
    }

    private readonly record struct Wanted(TimeSpan At, TimeSpan Every);
}
