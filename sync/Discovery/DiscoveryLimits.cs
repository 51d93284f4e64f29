namespace VmPod.Sync.Discovery;

/// <summary>Every bound and time of this project, with its reason. "RFC" alone is RFC 6762.</summary>
public static class DiscoveryLimits
{
    /// <summary>Bytes of a packet that is read: the most that a multicast DNS packet may have (RFC, 17).</summary>
    public const int PacketBytesMax = 9000;

    /// <summary>Bytes of a packet that is sent: one Ethernet frame with headers of IPv6 and UDP, since fragments get lost (RFC, 17).</summary>
    public const int SentBytesMax = 1500 - 40 - 8;

    /// <summary>Bytes of one label (RFC 1035, 2.3.4).</summary>
    public const int LabelBytesMax = 63;

    /// <summary>Bytes of a name, lengths and the final zero included (RFC 1035, 2.3.4).</summary>
    public const int NameBytesMax = 255;

    /// <summary>Compression pointers in one name. Each must lead further back, so none goes round in circles; and no honest name has more than it has
    /// labels worth sharing.</summary>
    public const int NamePointersMax = 16;

    /// <summary>Questions that are read of one packet; one with more is dropped.</summary>
    public const int QuestionsMax = 64;

    /// <summary>Records that are read of one packet, all sections together; one with more is dropped. An answer that names 30 services has as many.</summary>
    public const int RecordsMax = 256;

    /// <summary>Seconds of a TTL that are believed: what RFC 10 gives the longest-lived records.</summary>
    public const uint TtlSecondsMax = 4500;

    /// <summary>Seconds that what is announced lives: a pod is carried away without a word, and its names are those of one stay, so they need not outlive
    /// it as long as a printer's.</summary>
    public const uint TtlSeconds = 120;

    /// <summary>Seconds of a TTL in an answer to a program that speaks plain DNS (RFC, 6.7).</summary>
    public const uint LegacyTtlSecondsMax = 10;

    /// <summary>Tags of one announcement: always so many, the rest are random, so that their number says nothing. Who has more pairings is found by the
    /// hosts that were paired last.</summary>
    public const int TagsCount = 8;

    /// <summary>Bytes of a tag: by chance one of eight is another host's once in 2^61 announcements, and costs that host one refused handshake.</summary>
    public const int TagBytes = 8;

    /// <summary>Services that a browser keeps of one interface. Whoever is on the link can fill them up (threatmodel, K-71).</summary>
    public const int ServicesMax = 64;

    /// <summary>Records that a browser keeps of one interface: five for each service, and some addresses more.</summary>
    public const int CachedRecordsMax = 6 * ServicesMax;

    /// <summary>Addresses of one machine on one interface that are announced or kept.</summary>
    public const int AddressesMax = 8;

    /// <summary>Interfaces that are used: those with the smallest numbers. A machine with more has bridges and containers.</summary>
    public const int LinksMax = 16;

    /// <summary>Packets read from one socket before others get their turn.</summary>
    public const int PacketsOfOneTurn = 32;

    /// <summary>Answers to plain DNS, or asked for by unicast, that leave one interface in a second: they go wherever the question says it came from.</summary>
    public const int UnicastAnswersPerSecondMax = 20;

    /// <summary>Questions of one packet that is sent.</summary>
    public const int QuestionsAskedMax = 32;

    /// <summary>Names that were taken before the next wait: 15 in 10 s, then 5 s each (RFC, 8.1).</summary>
    internal const int ConflictsMax = 15;

    /// <summary>Probes before a name is taken as free (RFC, 8.1).</summary>
    internal const int Probes = 3;

    /// <summary>Announcements after that (RFC, 8.3).</summary>
    internal const int Announcements = 2;

    /// <summary>The first probe waits up to so long, so that machines which were switched on together do not speak together (RFC, 8.1).</summary>
    internal const int ProbeDelayMsMax = 250;

    /// <summary>An answer that others may give too waits so long (RFC, 6).</summary>
    internal const int SharedAnswerDelayMsMin = 20, SharedAnswerDelayMsMax = 120;

    /// <summary>The answer to a question whose known answers are still coming waits so long (RFC, 7.2).</summary>
    internal const int TruncatedDelayMsMin = 400, TruncatedDelayMsMax = 500;

    /// <summary>The first question of a browser waits so long (RFC, 5.2).</summary>
    internal const int FirstQueryDelayMsMin = 20, FirstQueryDelayMsMax = 120;

    /// <summary>Between probes (RFC, 8.1).</summary>
    internal static readonly TimeSpan ProbeEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>Between announcements (RFC, 8.3).</summary>
    internal static readonly TimeSpan AnnounceEvery = TimeSpan.FromSeconds(1);

    /// <summary>A record is multicast once in so long on one interface (RFC, 6)...</summary>
    internal static readonly TimeSpan MulticastEvery = TimeSpan.FromSeconds(1);

    /// <summary>... but a probe is answered sooner, or it would take the name (RFC, 6).</summary>
    internal static readonly TimeSpan DefendEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>Who loses a tie of two probes waits so long (RFC, 8.2).</summary>
    internal static readonly TimeSpan TieWait = TimeSpan.FromSeconds(1);

    /// <summary>The time in which <see cref="ConflictsMax"/> conflicts are too many, and the wait then (RFC, 8.1).</summary>
    internal static readonly TimeSpan ConflictWindow = TimeSpan.FromSeconds(10), ConflictWait = TimeSpan.FromSeconds(5);

    /// <summary>What was said to be gone, or was replaced, is kept so long: another may hold on to it (RFC, 10.1, 10.2).</summary>
    internal static readonly TimeSpan GoneAfter = TimeSpan.FromSeconds(1);

    /// <summary>The second question comes so long after the first, and each further one after twice the time (RFC, 5.2).</summary>
    internal static readonly TimeSpan QueryEvery = TimeSpan.FromSeconds(1);

    /// <summary>Up to this (RFC, 5.2).</summary>
    internal static readonly TimeSpan QueryEveryMax = TimeSpan.FromHours(1);

    /// <summary>An interface begins anew at most once in so long, however it flaps: a start is six packets.</summary>
    internal static readonly TimeSpan LinkUpEvery = TimeSpan.FromSeconds(1);

    /// <summary>An interface that is back within this is in the same network, and its names stay; later it may be in another, where nobody should know
    /// them.</summary>
    internal static readonly TimeSpan NamesStayFor = TimeSpan.FromSeconds(10);

    /// <summary>How long a loop waits at most before it looks whether it should end.</summary>
    internal static readonly TimeSpan LoopWait = TimeSpan.FromMilliseconds(100);
}
