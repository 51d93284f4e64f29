using System.Net;
using System.Security.Cryptography;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;

namespace VmPod.Sync.Discovery.Announcing;

/// <summary>
/// Announces one service on one interface and answers for it (RFC 6762). Plain: messages and times in, packets out; no socket, no clock.
/// </summary>
/// <remarks>
/// <code>
///   Probing (3 times in 250 ms) -> Announcing (twice in 1 s) -> Running -> Close: goodbye
///      ^  |  somebody has the name: another name; a tie is lost: a second later again
///      +--+-- somebody says something else of the name ------------+
/// </code>
/// </remarks>
internal sealed class LinkResponder
{
    private const int MulticastPort = 5353;
    private readonly Func<AnnouncedService?> make;
    private readonly Action<byte[], IPEndPoint?> send;
    private readonly Dictionary<DnsRecord, Waiting> waiting = [];
    private readonly Dictionary<DnsRecord, TimeSpan> said = [];
    private readonly Queue<TimeSpan> conflicts = new();
    private NetworkLink link;
    private ServiceRecords records;
    private Phase phase;
    private int step, unicasts;
    private TimeSpan stepAt, unicastsSince;

    /// <summary>Begins to probe.</summary>
    /// <param name="link">The interface.</param>
    /// <param name="announced">The service.</param>
    /// <param name="make">Makes it anew, with other names: called when one is taken. Null if there is nothing to announce any more.</param>
    /// <param name="send">Takes a packet: for all, or for one.</param>
    /// <param name="now">Now.</param>
    internal LinkResponder(NetworkLink link, AnnouncedService announced, Func<AnnouncedService?> make, Action<byte[], IPEndPoint?> send, TimeSpan now)
    {
        this.link = link;
        this.make = make;
        this.send = send;
        Announced = announced;
        records = new ServiceRecords(Announced, link);
        Probe(now + Milliseconds(0, DiscoveryLimits.ProbeDelayMsMax));
    }

    private enum Phase
    {
        Probing,
        Announcing,
        Running,
    }

    /// <summary>What it announces, or would.</summary>
    internal AnnouncedService Announced { get; private set; }

    /// <summary>True once its names are its own.</summary>
    internal bool IsOwner => phase != Phase.Probing;

    /// <summary>When it wants to run again.</summary>
    internal TimeSpan NextAt
    {
        get
        {
            if (!records.IsReachable)
                return TimeSpan.MaxValue;
            TimeSpan next = phase == Phase.Running ? TimeSpan.MaxValue : stepAt;
            foreach (Waiting one in waiting.Values)
                next = one.At < next ? one.At : next;
            return next;
        }
    }

    /// <summary>The interface has other addresses now.</summary>
    internal void Change(NetworkLink changed, TimeSpan now)
    {
        bool wasReachable = records.IsReachable;
        link = changed;
        records = new ServiceRecords(Announced, link);
        waiting.Clear();
        if (!wasReachable)
            Probe(now + Milliseconds(0, DiscoveryLimits.ProbeDelayMsMax));
        else if (phase != Phase.Probing)
            (phase, step, stepAt) = (Phase.Announcing, 0, now);
    }

    /// <summary>Somebody says something.</summary>
    internal void Receive(DnsMessage message, IPEndPoint from, TimeSpan now)
    {
        if (!records.IsReachable)
            return;
        if (message.IsResponse)
            LookForConflict(message, now);
        else if (phase == Phase.Probing)
            BreakTie(message, now);
        else
            Answer(message, from, now);
    }

    /// <summary>Does what is due.</summary>
    internal void Run(TimeSpan now)
    {
        if (!records.IsReachable)
            return;
        if (phase != Phase.Running && stepAt <= now)
            Step(now);
        DnsRecord[] due = [.. waiting.Where(w => w.Value.At <= now).Select(w => w.Key)];
        if (due.Length == 0)
            return;
        foreach (DnsRecord record in due)
            _ = waiting.Remove(record);
        Multicast(due, [.. records.FollowUps(due).Where(r => MayBeSaidAt(r, DiscoveryLimits.MulticastEvery) <= now)], now);
    }

    /// <summary>Takes back what was announced. What others say too stays: that there are services of this type.</summary>
    internal void Close()
    {
        if (phase != Phase.Probing && records.IsReachable)
            send(DnsWriter.Write(Response([.. records.All.Where(r => r != records.Enumeration).Select(r => r.With(0, r.IsUnique))], [])), null);
    }

    private static TimeSpan Milliseconds(int min, int max) => TimeSpan.FromMilliseconds(RandomNumberGenerator.GetInt32(min, max + 1));

    private static DnsMessage Response(IReadOnlyList<DnsRecord> answers, IReadOnlyList<DnsRecord> additionals) =>
        new() { IsResponse = true, Answers = answers, Additionals = additionals };

    private void Probe(TimeSpan at)
    {
        waiting.Clear();
        (phase, step, stepAt) = (Phase.Probing, 0, at);
    }

    private void Step(TimeSpan now)
    {
        if (phase == Phase.Probing && step < DiscoveryLimits.Probes)
        {
            // Not with the wish for unicast that RFC 6762, 8.1, recommends: its answers could reach another program's socket of this machine.
            send(DnsWriter.Write(new DnsMessage
            {
                Questions = [new DnsQuestion(records.Instance, DnsType.Any), new DnsQuestion(records.Host, DnsType.Any)],
                Authorities = [.. records.Unique.Select(r => r.With(r.TtlSeconds, isUnique: false))],
            }), null);
            (step, stepAt) = (step + 1, now + DiscoveryLimits.ProbeEvery);
            return;
        }
        if (phase == Phase.Probing)
            (phase, step) = (Phase.Announcing, 0);
        Multicast(records.All, [], now);
        (step, stepAt) = (step + 1, now + DiscoveryLimits.AnnounceEvery);
        if (step == DiscoveryLimits.Announcements)
            phase = Phase.Running;
    }

    // Whoever answers while this side asks whether a name is free has it. Later it may be a mistake of either: then both ask again.
    private void LookForConflict(DnsMessage message, TimeSpan now)
    {
        bool isConflict = message.Answers.Concat(message.Additionals).Any(theirs => theirs.TtlSeconds > 0 && records.IsOwn(theirs.Name)
            && (phase == Phase.Probing || records.Unique.Any(own => own.Type == theirs.Type && own.Name.Equals(theirs.Name)))
            && !records.All.Any(own => own.Equals(theirs)));
        if (!isConflict)
            return;
        while (conflicts.Count > 0 && now - conflicts.Peek() > DiscoveryLimits.ConflictWindow)
            _ = conflicts.Dequeue();
        conflicts.Enqueue(now);
        if (phase == Phase.Probing)
        {
            Announced = make() ?? Announced;
            records = new ServiceRecords(Announced, link);
        }
        bool isStorm = conflicts.Count >= DiscoveryLimits.ConflictsMax;
        if (isStorm)
            _ = conflicts.Dequeue();      // bounded, however many more there are
        Probe(isStorm ? now + DiscoveryLimits.ConflictWait : now);
    }

    // Two that ask at the same time: the one whose records are the greater goes on (RFC 6762, 8.2). What comes back of this side's own is equal.
    private void BreakTie(DnsMessage probe, TimeSpan now)
    {
        foreach (DnsName name in (ReadOnlySpan<DnsName>)[records.Instance, records.Host])
        {
            DnsRecord[] theirs = [.. probe.Authorities.Where(r => r.Name.Equals(name)).Order(DataOrder.Instance)];
            DnsRecord[] own = [.. records.Unique.Where(r => r.Name.Equals(name)).Order(DataOrder.Instance)];
            if (theirs.Length == 0 || DataOrder.Compare(own, theirs) >= 0)
                continue;
            Probe(now + DiscoveryLimits.TieWait);
            return;
        }
    }

    private void Answer(DnsMessage query, IPEndPoint from, TimeSpan now)
    {
        if (query.Questions.Count == 0)
        {
            // More of what a question with too many known answers began.
            foreach (DnsRecord known in waiting.Where(w => from.Equals(w.Value.Asker) && IsKnown(query, w.Key)).Select(w => w.Key).ToList())
                _ = waiting.Remove(known);
            return;
        }
        if (from.Port != MulticastPort)
        {
            AnswerPlainDns(query, from, now);
            return;
        }
        List<DnsRecord> toAll = [], toOne = [];
        foreach (DnsQuestion question in query.Questions)
        {
            foreach (DnsRecord record in records.AnswersTo(question).Where(r => !IsKnown(query, r)))
                (question.WantsUnicast && WasSaidLately(record, now) ? toOne : toAll).Add(record);
        }
        if (toOne.Count > 0 && MayUnicast(now))
            send(DnsWriter.Write(Response([.. toOne.Distinct()], [.. records.FollowUps(toOne)])), from);
        if (toAll.Count == 0)
            return;
        bool isProbe = query.Authorities.Count > 0;
        TimeSpan delay = query.IsTruncated ? Milliseconds(DiscoveryLimits.TruncatedDelayMsMin, DiscoveryLimits.TruncatedDelayMsMax)
            : toAll.All(r => r.IsUnique) ? TimeSpan.Zero
            : Milliseconds(DiscoveryLimits.SharedAnswerDelayMsMin, DiscoveryLimits.SharedAnswerDelayMsMax);
        foreach (DnsRecord record in toAll)
        {
            TimeSpan allowed = MayBeSaidAt(record, isProbe ? DiscoveryLimits.DefendEvery : DiscoveryLimits.MulticastEvery), at = now + delay;
            at = at > allowed ? at : allowed;
            if (!waiting.TryGetValue(record, out Waiting before) || at < before.At)
                waiting[record] = new Waiting(at, query.IsTruncated ? from : null);
        }
    }

    // RFC 6762, 6.7: like a DNS server, with the question repeated, and nothing that a cache of plain DNS would take for its own.
    private void AnswerPlainDns(DnsMessage query, IPEndPoint from, TimeSpan now)
    {
        DnsRecord[] answers = [.. query.Questions.SelectMany(records.AnswersTo).Distinct()];
        if (answers.Length == 0 || !MayUnicast(now))
            return;
        send(DnsWriter.Write(new DnsMessage
        {
            Id = query.Id,
            IsResponse = true,
            Questions = [.. query.Questions.Select(q => q with { WantsUnicast = false })],
            Answers = [.. answers.Select(Plain)],
            Additionals = [.. records.FollowUps(answers).Select(Plain)],
        }), from);

        static DnsRecord Plain(DnsRecord record) => record.With(Math.Min(record.TtlSeconds, DiscoveryLimits.LegacyTtlSecondsMax), isUnique: false);
    }

    // Known, and for at least half of its time yet (RFC 6762, 7.1).
    private static bool IsKnown(DnsMessage query, DnsRecord record) =>
        query.Answers.Any(known => known.TtlSeconds >= record.TtlSeconds / 2 && known.Equals(record));

    private bool WasSaidLately(DnsRecord record, TimeSpan now) =>
        said.TryGetValue(record, out TimeSpan last) && now - last < TimeSpan.FromSeconds(record.TtlSeconds / 4);

    private TimeSpan MayBeSaidAt(DnsRecord record, TimeSpan every) => said.TryGetValue(record, out TimeSpan last) ? last + every : TimeSpan.MinValue;

    private bool MayUnicast(TimeSpan now)
    {
        if (now - unicastsSince >= TimeSpan.FromSeconds(1))
            (unicastsSince, unicasts) = (now, 0);
        return ++unicasts <= DiscoveryLimits.UnicastAnswersPerSecondMax;
    }

    private void Multicast(IReadOnlyList<DnsRecord> answers, IReadOnlyList<DnsRecord> additionals, TimeSpan now)
    {
        send(DnsWriter.Write(Response(answers, additionals)), null);
        foreach (DnsRecord gone in said.Keys.Where(r => now - said[r] > TimeSpan.FromSeconds(DiscoveryLimits.TtlSeconds)).ToList())
            _ = said.Remove(gone);
        foreach (DnsRecord record in answers.Concat(additionals))
        {
            said[record] = now;
            _ = waiting.Remove(record);
        }
    }

    private readonly record struct Waiting(TimeSpan At, IPEndPoint? Asker);
}
