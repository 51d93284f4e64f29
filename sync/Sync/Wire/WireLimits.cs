using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Sync.Wire;

/// <summary>Every bound of the wire, in one place, each with its reason (sync/SPEC.md, "Limits of the wire").</summary>
public static class WireLimits
{
    /// <summary>The versions that this program speaks. Version 2 adds a pod's room to its beats (S-71), version 3 the forks of a session (S-78).</summary>
    public const ushort VersionMin = 1, VersionMax = 3;

    /// <summary>Bytes of a frame's header: length 4, type 1, request 4.</summary>
    public const int HeaderBytes = 9;

    /// <summary>Bytes of the header that the length counts: type 1, request 4.</summary>
    public const int CountedHeaderBytes = 5;

    /// <summary>Bytes of a HELLO's body: 300 today; room for the fields of a later version, which must be refused with a word and not with a reset.</summary>
    public const int HelloBytesMax = 1024;

    /// <summary>Bytes of a display name: one line of a terminal.</summary>
    public const int DisplayNameBytesMax = 64;

    /// <summary>Bytes of a session's name, as the vault has it.</summary>
    public const int SessionNameBytesMax = FormatLimits.SessionNameBytesMax;

    /// <summary>Bytes of an error's message, and of its cure: a few lines of a terminal.</summary>
    public const int ErrorTextBytesMax = 512;

    /// <summary>Generations of one SESSION, the newest: eight a day for five years, in 400 KiB.</summary>
    public const int GenerationsMax = 16_384;

    /// <summary>Forks of one FORKS: what a session may have, in 22 KiB.</summary>
    public const int ForksMax = FormatLimits.ForksMax;

    /// <summary>Sessions of one SESSIONS: what a vault may hold.</summary>
    public const int SessionsMax = StoreLimits.SessionsMax;

    /// <summary>Bytes of a lease's certificate (its log entry): 300 today.</summary>
    public const int CertificateBytesMax = 1024;

    /// <summary>Bytes of a commit record: its manifest's ids are most of it.</summary>
    public const int RecordBytesMax = 256 + FormatLimits.ManifestCellsMax * CellId.Size;

    /// <summary>Cells of one GET_CELLS: 4 MiB of the usual cells, so that a read-ahead is one request and never seconds of a radio link.</summary>
    public const int GetCellsMax = 64;

    /// <summary>Ids of one HAVE: 32 KiB of question for 2 MiB to 256 MiB of cells not sent.</summary>
    public const int HaveIdsMax = 1024;

    /// <summary>Ids of one IDS: a frame no larger than that of the largest cell.</summary>
    public const int IdsMax = 8192;

    /// <summary>Bytes of ids that a pod collects for one COMMIT: 196,608 ids, which are 12 GiB of the usual cells in one commit. FormatLimits.CommitIdsMax
    /// would be 256 MiB of memory for a peer's word.</summary>
    public const int CollectedIdBytesMax = 6 * 1024 * 1024;

    /// <summary>Of these, each link's own: 16,384 ids, which are 1 GiB of the usual cells. What is beyond it comes out of <see cref="IdBudget"/>.</summary>
    public const int OwnIdBytes = 512 * 1024;

    /// <summary>What all links of a pod share: one commit of the largest size. With six links 8.5 MiB of ids at most, and 6 MiB more while one commit's are
    /// joined; beside 48 MiB of locked frames that keeps a server below 64 MiB over its base.</summary>
    public const int SharedIdBytes = CollectedIdBytesMax - OwnIdBytes;

    /// <summary>The least rate that a side may be held to, bytes a second: 2 Mbit/s. At less, what may wait on a link takes longer than requests
    /// wait.</summary>
    public const long BulkRateMin = 2_000_000 / 8;

    /// <summary>Numbers of one LOG.</summary>
    public const int LogNumbersMax = 8;

    /// <summary>Bytes of the name of a number in a LOG.</summary>
    public const int LogNameBytesMax = 32;

    /// <summary>Bytes of a receipt's JSON: what a leave can say.</summary>
    public const int ReceiptBytesMax = 16 * 1024;

    /// <summary>Requests of a host without an answer: 64 readers of the mount, read-ahead and the writer, four times over. The next one waits; a pod that
    /// gets more ends the link.</summary>
    public const int RequestsMax = 256;

    /// <summary>Frames that wait for a worker of the pod. Small frames cost objects besides their bytes; beyond this the pod stops reading.</summary>
    public const int WaitingFramesMax = 512;

    /// <summary>Workers of a pod that answer reads of one link; one more does the writes, in order. More than the cores of a pod.</summary>
    public const int ReadWorkers = 4;

    /// <summary>Of these, those that may be busy with read-ahead at a time: one is left for what somebody waits for.</summary>
    public const int ReadAheadWorkers = ReadWorkers - 1;

    /// <summary>Bytes of frames that a host has received and not yet handed on: one, the largest (SESSIONS).</summary>
    public const int HostReceiveBytes = 1024 * 1024;

    /// <summary>Bytes of frames that a pod has received and not yet worked off: a fifth of a second of a fast link, while the disk syncs.</summary>
    public const int PodReceiveBytes = 4 * 1024 * 1024;

    /// <summary>Bytes of urgent frames that wait to be sent: the largest reply, or 15 usual cells.</summary>
    public const int UrgentSendBytes = 1024 * 1024;

    /// <summary>Bytes of bulk frames that wait to be sent: enough to keep a link busy while the next cell is sealed. A put beyond it waits.</summary>
    public const int BulkSendBytes = 3 * 1024 * 1024;

    /// <summary>Bytes of memory that a link needs for sending.</summary>
    public const int SendBytes = UrgentSendBytes + BulkSendBytes;

    /// <summary>Between two beats: a host decides after 1 s of silence (rule 9), so three beats may be late.</summary>
    public static readonly TimeSpan BeatEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>For both HELLOs together.</summary>
    public static readonly TimeSpan HelloTime = TimeSpan.FromSeconds(5);

    /// <summary>Without a byte in the middle of a frame.</summary>
    public static readonly TimeSpan StallTime = TimeSpan.FromSeconds(5);

    /// <summary>For one whole frame: the largest one takes 6 s at 1 Mbit/s. Ends a peer that sends a byte every 4 s.</summary>
    public static readonly TimeSpan FrameTime = TimeSpan.FromSeconds(30);

    /// <summary>For one frame to be taken by a peer that still beats: a pod whose stick syncs takes no bytes for a while.</summary>
    public static readonly TimeSpan SendTime = TimeSpan.FromSeconds(30);

    /// <summary>How often it is looked whether a link that another one follows has settled: a fraction of the way there and back.</summary>
    public static readonly TimeSpan SettlePoll = TimeSpan.FromMilliseconds(2);

    /// <summary>Without a byte between frames, after which the link is ended and its memory given back. What a host does long before is its policy.</summary>
    public static readonly TimeSpan SilenceTime = TimeSpan.FromSeconds(30);
}
