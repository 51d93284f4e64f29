namespace VmPod.PodKeeper;

/// <summary>Every bound of this project, with its reason.</summary>
public static class PodLimits
{
    /// <summary>Fewest bytes of a passphrase. Without a TPM whoever has the folder may guess as fast as he can buy machines, so a PIN
    /// protects nothing.</summary>
    public const int PassphraseBytesMin = 12;

    /// <summary>How long the key agent keeps an unused key: a working day.</summary>
    public static readonly TimeSpan AgentIdle = TimeSpan.FromHours(8);

    /// <summary>How often the key agent looks whether the pod is still there: a pulled pod is noticed within this.</summary>
    internal static readonly TimeSpan AgentWatch = TimeSpan.FromSeconds(1);

    /// <summary>How long one of the two ends of the agent's socket waits for the other. They exchange 34 bytes on one machine.</summary>
    internal static readonly TimeSpan AgentPatience = TimeSpan.FromSeconds(2);

    /// <summary>How long a reader waits for another reader that is just writing to the audit log; one entry takes milliseconds.</summary>
    internal static readonly TimeSpan AuditPatience = TimeSpan.FromSeconds(5);

    /// <summary>Bytes of a path that a Unix socket may have (sun_path, with its final zero).</summary>
    internal const int SocketPathMax = 107;

    /// <summary>Damaged chunks that a deep verification names; it counts them all.</summary>
    public const int DamagedChunksListed = 1000;

    /// <summary>Chunks between two words of a deep verification on how far it is: a few a second.</summary>
    internal const int DeepProgressChunks = 512;

    /// <summary>The port of serve, where none is said; the next one is that of pairing. Free at IANA.</summary>
    public const int ServePort = 7413;

    /// <summary>Connections that have not proved who they are. One more makes the oldest of them go, so that silent ones keep nobody out.</summary>
    public const int StrangersMax = 16;

    /// <summary>Handshakes at once: they are work of the processor (4 ms each), and a pod has few.</summary>
    public const int HandshakesMax = 4;

    /// <summary>Links at once: each has 8 MiB of locked memory for its frames.</summary>
    public const int LinksMax = 6;

    /// <summary>Links of one paired host: two sessions, a command beside them, and a link that has not noticed yet that it is dead. Leaves room for
    /// another host.</summary>
    public const int LinksOfOneHostMax = 4;

    /// <summary>Leases whose keys are kept while their hosts are out of reach. The one that is silent longest makes room.</summary>
    public const int LeasesMax = 16;

    /// <summary>OPEN_LEASEs of one link: each writes entries that stay for ever. Who needs more connects again.</summary>
    public const int OpensOfOneLinkMax = 16;

    /// <summary>Requests of one link for its home key and for wrapped keys of leases: each writes an entry that stays for ever, and two are enough.</summary>
    public const int HomeRequestsMax = 16;

    /// <summary>Entries of a host's own words (LOG) under one lease: a checkpoint every ten minutes for two weeks.</summary>
    public const int HostEntriesMax = 2048;

    /// <summary>Receipts under one lease: one is enough, and a leave that was undone gives another.</summary>
    public const int ReceiptsMax = 4;

    /// <summary>Keys of cells that one entry of the log grants (rule 19): 256 MiB of the usual cells, so that a lazy resume waits for an entry once or
    /// twice; and the bound by which the log may say too much after a crash.</summary>
    public const int KeysOfOneGrant = 4096;

    /// <summary>Cells that a host may send under one lease (rule 31): 1 TiB of the usual cells. It keeps a bad host from counting the store over; the
    /// disk is what ends an honest one.</summary>
    public const long CellsOfOneLeaseMax = 1L << 24;

    /// <summary>How long a lease goes on without a word of its host: out of reach for a coffee, and its keys are still here.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromMinutes(10);

    /// <summary>How often leases are looked at for that.</summary>
    internal static readonly TimeSpan LeaseWatch = TimeSpan.FromSeconds(5);

    /// <summary>How often a server looks whether its pod's folder is there: links are ended and keys are zero within two seconds of its loss.</summary>
    internal static readonly TimeSpan FolderWatch = TimeSpan.FromMilliseconds(250);

    /// <summary>How often an announcement is looked at: a host that was just paired is known by it a moment later, and one that was unpaired is not.</summary>
    internal static readonly TimeSpan AnnouncementWatch = TimeSpan.FromSeconds(1);

    /// <summary>How often a server looks how much room its disk has: a beat says it, and a full disk fills in minutes.</summary>
    internal static readonly TimeSpan SpaceWatch = TimeSpan.FromSeconds(1);

    /// <summary>A link without a byte for so long is ended; a host beats every 250 ms. Its lease stays.</summary>
    internal static readonly TimeSpan LinkSilence = TimeSpan.FromSeconds(5);

    /// <summary>A link whose host has another one is waited for until nothing came for so long: longer than the gaps within what is on its way, shorter
    /// than those between two beats.</summary>
    internal static readonly TimeSpan LinkQuiet = TimeSpan.FromMilliseconds(100);

    /// <summary>And for so long at most, half of what a host waits for its ATTACH: who keeps such a link busy has cells put twice, and nothing else.</summary>
    internal static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(5);

    /// <summary>For a stranger to send its first message whole.</summary>
    internal static readonly TimeSpan FirstMessageTime = TimeSpan.FromSeconds(5);

    /// <summary>Between two entries that count refused strangers: whoever knocks must not fill the log.</summary>
    internal static readonly TimeSpan RefusalsEvery = TimeSpan.FromSeconds(10);

    /// <summary>How long a lease waits until what it would start from was looked into: a few GiB, and well under the 30 s that a host gives the
    /// answer.</summary>
    internal static readonly TimeSpan CheckPatience = TimeSpan.FromSeconds(10);

    /// <summary>How often it is asked whether that is done.</summary>
    internal static readonly TimeSpan CheckPoll = TimeSpan.FromMilliseconds(50);

    /// <summary>Callers of the control socket at once: commands of one user.</summary>
    internal const int ControlCallsMax = 4;

    /// <summary>Bytes of a line on the control socket: a verb and a few arguments.</summary>
    internal const int ControlLineBytesMax = 4096;

    /// <summary>Bytes of an answer on the control socket: what sessions says of a vault with 10,000 generations.</summary>
    internal const int ControlAnswerBytesMax = 16 * 1024 * 1024;

    /// <summary>How long one end of the control socket waits for the other while nobody is asked anything: an unlock may take seconds.</summary>
    internal static readonly TimeSpan ControlPatience = TimeSpan.FromSeconds(60);

    /// <summary>A mirror link without a byte for so long is ended, and the mirror free again: its pod may look through a log and hash what it has before it
    /// speaks, which takes minutes at most.</summary>
    public static readonly TimeSpan MirrorSilence = TimeSpan.FromMinutes(15);

    /// <summary>A mirror link whose other side does not read for so long is ended: its disk may be slow, and stand still for a while.</summary>
    public static readonly TimeSpan MirrorBusy = TimeSpan.FromMinutes(2);

    /// <summary>How long a pod that was told why its mirror is not taken may go on sending, until it has read that.</summary>
    internal static readonly TimeSpan MirrorLastWord = TimeSpan.FromSeconds(30);

    /// <summary>Pods that write or read their mirrors here at once, beside the links of hosts: each wants the disk for itself, and its answers hold 32 bytes
    /// for each cell of its copy.</summary>
    internal const int MirrorLinksMax = 2;

    /// <summary>How long a mirror link waits for the end of an earlier one of the same pairing, which is told to end.</summary>
    internal static readonly TimeSpan MirrorTakeOver = TimeSpan.FromSeconds(10);

    /// <summary>Pods that keep mirrors of one pod.</summary>
    internal const int KeepersMax = 16;

    /// <summary>Bytes of where one of them is: pod://, a DNS name of 253, a colon, a port.</summary>
    internal const int PlaceBytesMax = 272;

    /// <summary>Characters of the name of a copy that is kept.</summary>
    internal const int CopyNameMax = 64;

    /// <summary>The longest that a mirror may wait with what was forgotten, in days: ten years.</summary>
    public const int ForgetDelayDaysMax = 3650;
}
