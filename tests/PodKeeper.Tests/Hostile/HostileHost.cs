using System.Diagnostics;
using System.Security.Cryptography;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Tests.Cuts;
using VmPod.PodKeeper.Tests.Serving;
using VmPod.Sync.Wire;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.PodKeeper.Tests.Hostile;

/// <summary>
/// A paired host with a lease that says what it likes: for each transcript it seals and signs as an honest host does, changes what it would send, sends all of
/// it, and looks what became of the pod.
/// </summary>
internal sealed class HostileHost : ILeaseHome, IReleasedCellSource
{
    // Asked last, and answered when all that was asked before is done.
    private const uint LastRequest = 0xFFFF_FFF0;

    // Of a CELL: index 2, status 1, key 32.
    private const int KeyEnd = 35;

    private const string Disk = "disk", Opened = "opened";
    private static readonly byte[] Last = WireFrames.Of(new AttachRequest { Session = new SessionHandle(1), LeaseId = 1, Term = 1 }, LastRequest);
    private static readonly SessionImageOptions Small = new()
    {
        OverlayBytes = 4 * FormatLimits.ChunkBytes,
        CacheBytes = 2 * FormatLimits.ChunkBytes,
        EncodeThreads = 1,
    };

    private readonly HostLinks links;
    private readonly string session;
    private readonly SessionLease lease;
    private readonly SessionImage image;
    private readonly StreamInfo disk;
    private readonly CellId[] known;
    private readonly Dictionary<CellId, byte[]> made = [];
    private readonly Dictionary<Digest, byte[]> given = [];         // what each commit that was signed says
    private readonly byte[] content = new byte[12 * 1024];
    private Func<List<byte[]>, bool>? change;
    private List<byte[]> before = [];
    private Digest wasTip;

    internal HostileHost(ServedPod pod, string session)
    {
        links = new HostLinks(pod);
        this.session = session;
        known = pod.Cells().Now;
        CellBytes = links.Connect(new CutWire()).Pod!.CellBytes;
        lease = links.Open(session, create: true, this, this);
        image = new SessionImage(lease, Small);
        disk = image.SetStream(Disk, StreamKind.Disk, FormatLimits.ChunkBytes);
        links.Leave();
        // Two that are honest: what the second replays is of the first.
        Assert.True(Sync([]));
        Assert.True(Sync([]));
        Assert.True(Run([.. OpenTranscript()]));
    }

    public int CellBytes { get; }

    /// <summary>The longest that a transcript took.</summary>
    internal TimeSpan Slowest { get; private set; }

    /// <summary>Frames of an honest sync.</summary>
    internal IReadOnlyList<byte[]> Honest => before;

    /// <summary>Frames of other sessions, of an earlier commit and of a pod.</summary>
    internal IReadOnlyList<byte[]> Others { get; private set; } = [WireFrames.Of(WireType.Bye, 0, [])];

    /// <summary>False once the lease was ended by what was said under it.</summary>
    internal bool IsOpen => links.Row() is { LeaseState: LeaseState.Open } row && row.LeaseId == lease.LeaseId;

    /// <summary>One commit, said with these changes. True if the pod took it.</summary>
    internal bool Sync(IReadOnlyList<Attack> attacks)
    {
        RandomNumberGenerator.Fill(content);
        image.Write(disk.Number, 0, content);
        change = frames =>
        {
            before = [.. frames];
            foreach (Attack attack in attacks)
                attack.Apply(frames, WireRole.Host, Others);
            return Run(frames);
        };
        try
        {
            _ = image.Commit(GenerationKind.Draft, "said");
            return true;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            return false;
        }
    }

    /// <summary>A lease of another session opened and closed, said with these changes.</summary>
    internal void Open(IReadOnlyList<Attack> attacks)
    {
        List<byte[]> frames = [.. OpenTranscript()];
        foreach (Attack attack in attacks)
            attack.Apply(frames, WireRole.Host, Others);
        _ = Run(frames);
        MustBeGiven();
    }

    /// <summary>What <see cref="Open"/> says.</summary>
    internal IEnumerable<byte[]> OpenTranscript()
    {
        yield return Hello();
        yield return WireFrames.Of(ListRequest.Instance, 1);
        yield return WireFrames.Of(new LeaseRequest
        {
            Session = Opened,
            Purpose = VmPod.Sync.Wire.LeasePurpose.Put,
            Create = true,
            Tip = false,
            Generation = null,
            Signer = new byte[32],
        }, 2);
        yield return WireFrames.Of(RenewRequest.Instance, 3);
        yield return WireFrames.Of(new LogRequest { Kind = (ushort)AuditKind.SessionResume, Numbers = [new LogNumber("answer-ms", 95)] }, 4);
        yield return WireFrames.Of(new HaveRequest { Ids = known[..2] }, 5);
        yield return WireFrames.Of(DiscardRequest.Instance, 6);
        yield return WireFrames.Of(CloseLeaseRequest.Instance, 7);
    }

    /// <summary>The vault is whole; the session has what one of the signed commits says.</summary>
    internal void CheckPod()
    {
        links.WaitForAll();
        Digest tip = links.Row().TipHash;
        links.Pod.Server.With(p =>
        {
            Assert.True(p.Verify(null, TestContext.Current.CancellationToken).IsSound);
            using SessionReader reader = p.Vault.OpenSession(session, tip: true);
            byte[] chunk = new byte[FormatLimits.ChunkBytes];
            Assert.True(reader.ReadChunk(reader.Stream(Disk), 0, chunk));
            Assert.Equal(given[tip], chunk[..content.Length]);
            return true;
        });
        Assert.DoesNotContain(links.Pod.Notes, n => n.Bug is not null);
    }

    /// <summary>Ends it; the lease stays as it is.</summary>
    internal void End()
    {
        image.Dispose();
        lease.Dispose();
        links.Dispose();
    }

    public ulong NowMs() => 1_700_000_000_000;

    public void Append(in CellId id, ReadOnlySpan<byte> cell) => made[id] = cell.ToArray();

    public (Digest Hash, long Offset) Commit(CommitEntry commit, bool close)
    {
        Digest hash = DomainHash.OfEntry(LogEntryTypes.Commit, commit.ToBytes());
        given[hash] = content.ToArray();
        wasTip = links.Row().TipHash;
        List<byte[]> old = before;
        _ = change!([.. Transcript(commit)]);
        MustBeGiven();
        Others = [.. OpenTranscript(), .. old, .. OfAPod()];
        SessionEntry row = links.Row();
        return row.TipHash == hash ? (hash, row.TipOffset)
            : throw new VmPodException(ExitCode.LinkLost, "The pod did not take it.");
    }

    public void Discard()
    {
    }

    public void Close()
    {
    }

    public bool TryTakeOwn(in CellId id, Span<byte> cell) => made.TryGetValue(id, out byte[]? known) && known.AsSpan().TryCopyTo(cell);

    public void Fetch(in CellId id, Span<byte> key, Span<byte> cell) => throw new InvalidOperationException("All of this session was made here.");

    public void DropKeys()
    {
    }

    /// <summary>Of the lease, which owns its home.</summary>
    public void Dispose()
    {
    }

    private static byte[] Hello() => WireFrames.Of(new HostHello { BootId = 1, TimeMs = 1, DisplayName = "h" }, 0);

    // Each message of a host but those that end the lease.
    private IEnumerable<byte[]> Transcript(CommitEntry commit)
    {
        yield return Hello();
        yield return WireFrames.Of(WireType.Beat, 0, [0, 0, 0, 1, .. new byte[16]]);
        yield return WireFrames.Of(new FindRequest { Name = session }, 1);
        yield return WireFrames.Of(links.Lease!, 2);
        yield return WireFrames.Of(RenewRequest.Instance, 3);
        yield return WireFrames.Of(new CellsRequest { Want = CellWant.Both, Urgency = 0, Ids = [commit.Added[0], known[0]] }, 4);
        yield return WireFrames.Of(new HaveRequest { Ids = [known[0], commit.Added[0]] }, 5);
        foreach (CellId id in commit.Added)
            yield return WireFrames.Of(WireType.PutCell, 0, made[id]);
        yield return WireFrames.Of(new FlushRequest { Ordinal = (ulong)commit.Added.Length }, 6);
        yield return WireFrames.Of(new IdsMessage { Dropped = false, Ids = commit.Added }, 0);
        if (commit.Dropped.Length > 0)
            yield return WireFrames.Of(new IdsMessage { Dropped = true, Ids = commit.Dropped }, 0);
        yield return WireFrames.Of(new CommitRequest { Close = false, Record = commit.Record, Signature = commit.Signature }, 7);
        yield return WireFrames.Of(new LogRequest { Kind = (ushort)AuditKind.SessionCheckpoint, Numbers = [new LogNumber("pause-ms", 12)] }, 8);
        yield return WireFrames.Of(HomeKeyRequest.Instance, 9);
        yield return WireFrames.Of(new LeaseKeysRequest { Session = links.Lease!.Session }, 10);
        yield return WireFrames.Of(new ForksRequest { Session = links.Lease!.Session }, 11);
        yield return WireFrames.Of(new ReceiptRequest { Json = "{}"u8.ToArray(), Signature = lease.Sign("{}"u8) }, 12);
    }

    private static IEnumerable<byte[]> OfAPod() =>
        [WireFrames.Of(DoneReply.Instance, 4), WireFrames.Of(new FlushedReply { DurableCount = 1 }, 6), WireFrames.Of(WireType.Bye, 0, [])];

    // Says all of it, and waits until the pod has done all that it is going to do.
    private bool Run(List<byte[]> frames)
    {
        long began = Stopwatch.GetTimestamp();
        byte[] said = [.. frames.SelectMany(f => f), .. Last];
        var wires = new CutWire();
        _ = links.Serve(wires);
        wires.Host.Write(said);
        int last = said.Length - Last.Length;
        if (WireFrames.In(said).Any(f => f.At == last))
        {
            var watch = new ReplyWatch(LastRequest);
            Assert.True(wires.WaitAtHost(watch.IsThere, PodIsDone), "the pod did not answer, and did not end the link");
        }
        wires.Cut();
        links.WaitForAll();
        MustHaveNoForeignKey(wires.Arrived(Way.ToHost));
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        Slowest = took > Slowest ? took : Slowest;
        return true;
    }

    // Done in a few milliseconds, and not at all where something hangs: no clock of these links moves.
    private static readonly TimeSpan PodIsDone = TimeSpan.FromSeconds(60);

    // Of a cell of another session no key comes, whatever is asked. (Sealed a home host may have it.)
    private void MustHaveNoForeignKey(byte[] arrived)
    {
        foreach (WireFrames.Found cell in WireFrames.In(arrived).Where(f => f.Header.Type == WireType.Cell && f.Body.Length > KeyEnd))
        {
            ReadOnlySpan<byte> body = cell.Body.Span;
            bool hasKey = body[(KeyEnd - 32)..KeyEnd].IndexOfAnyExcept((byte)0) >= 0;
            Assert.False(hasKey && known.Contains(CellId.Of(body[KeyEnd..])), "a key of another session's cell left the pod");
        }
    }

    // The session stands where it stood, or where a commit says that its lease signed.
    private void MustBeGiven()
    {
        Digest tip = links.Row().TipHash;
        Assert.True(tip == wasTip || given.ContainsKey(tip), "the session is where no commit of its host put it");
    }
}
