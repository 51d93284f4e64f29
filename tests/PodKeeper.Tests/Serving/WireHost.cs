using System.Net;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Homes;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>A paired host with one link to a served pod: the real channel and wire.</summary>
internal sealed class WireHost : ILeaseHome, IReleasedCellSource
{
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly SecretBuffer seed;
    private readonly ulong boot;
    private SecureChannel channel;
    private readonly List<SessionLease> leases = [];

    internal WireHost(IPEndPoint pod, Pairing pairing, ulong boot = 1, SecretBuffer? seed = null)
    {
        this.seed = seed ?? SecretBuffer.Random(32);
        this.boot = boot;
        Pairing = pairing;
        (channel, Link) = Connect(pod);
    }

    /// <summary>Goes on over a new link: the pod was started again. The lease is attached.</summary>
    internal AttachedReply Relink(IPEndPoint pod)
    {
        Link.Dispose();
        channel.Dispose();
        (channel, Link) = Connect(pod);
        return Link.Call(AttachTo, Patience);
    }

    private (SecureChannel Channel, WireLink Link) Connect(IPEndPoint pod)
    {
        SecureChannel made = SecureChannel.Connect(pod, Pairing);
        return (made, WireLink.Connect(made.Stream, new HostHello { BootId = boot, TimeMs = 1, DisplayName = "test" }, new WireOptions
        {
            ReceiveMemory = new byte[WireLimits.HostReceiveBytes],
            SendMemory = new byte[WireLimits.SendBytes],
            Cut = made.Abort,
        }));
    }

    internal Pairing Pairing { get; }

    internal SecretBuffer Seed => seed;

    internal WireLink Link { get; private set; }

    /// <summary>What a home host has for the time when the pod is locked. Null: only what the pod releases.</summary>
    internal HomeLeaseKeys? HomeKeys { get; set; }

    internal LeaseReply? Lease { get; private set; }

    /// <summary>Called with the lease's key still in the frame.</summary>
    internal Action? OnKey { get; set; }

    /// <summary>The link is cut when all cells of a commit are on the pod, and the commit is not.</summary>
    internal bool IsCutAtCommit { get; set; }

    public int CellBytes => Link.Pod!.CellBytes;

    internal AttachRequest AttachTo => new() { Session = Lease!.Session, LeaseId = Lease.LeaseId, Term = Lease.Term };

    /// <summary>Opens a lease, as far as the wire goes.</summary>
    internal LeaseReply Open(Action<ReadOnlySpan<byte>>? takeKey = null, string session = ServedPod.Session, bool create = false, ulong? fork = null,
        ulong? generation = null)
    {
        using SigningKey signer = SigningKey.FromSeed(seed);
        return Lease = Link.OpenLease(new LeaseRequest
        {
            Session = session,
            Purpose = VmPod.Sync.Wire.LeasePurpose.Resume,
            Create = create,
            Tip = false,
            Generation = generation,
            Fork = fork,
            Signer = signer.PublicKey,
        }, key =>
        {
            OnKey?.Invoke();
            takeKey?.Invoke(key);
        }, Patience);
    }

    /// <summary>Opens a lease, and what a host makes of it.</summary>
    internal SessionLease Resume(string session = ServedPod.Session, bool create = false, ulong? fork = null)
    {
        SecretBuffer? leaseKey = null;
        LeaseReply reply = Open(key => leaseKey = SecretBuffer.Create(32, key, static (to, from) => from.CopyTo(to)), session, create, fork);
        using (leaseKey)
        {
            SessionLease lease = SessionLease.Open(session, reply.TermsAt(Link.Pod!.VaultId), leaseKey!, SigningKey.FromSeed(seed), this, this,
                reply.Start(), Link.Pod.OwnerPublicKey.Span, reply.LeaseId);
            leases.Add(lease);
            return lease;
        }
    }

    /// <summary>Asks for cells; what became of each.</summary>
    internal (CellStatus Status, byte[] Key, byte[] Cell)[] Get(CellWant want, params CellId[] ids)
    {
        var sink = new Sink(ids.Length);
        Link.GetCells(new CellsRequest { Want = want, Urgency = 0, Ids = ids }, sink, Patience);
        return sink.Taken;
    }

    public ulong NowMs() => 1_700_000_000_000;

    /// <summary>The pod is gone: cells and commit stay here.</summary>
    internal bool IsAway { get; set; }

    internal List<byte[]> RestCells { get; } = [];

    internal CommitEntry? RestCommit { get; private set; }

    /// <summary>Puts files under the lease that it resumed last; of one that is away they stay here.</summary>
    internal void Rest(IReadOnlyList<string> paths)
    {
        SnapshotWriter.Put(leases[^1], paths, "rest", null, TestContext.Current.CancellationToken);
        Assert.NotNull(RestCommit);
    }

    /// <summary>Hands in, over a new link of this host, what stayed here.</summary>
    internal CommittedReply HandIn(WireLink link, out AttachedReply attached)
    {
        attached = link.Call(AttachTo, Patience);
        foreach (CellId[] part in RestCells.Select(c => CellId.Of(c)).Order().Chunk(WireLimits.HaveIdsMax))
            Assert.DoesNotContain(true, link.Call(new HaveRequest { Ids = part }, Patience).Has);
        RestCells.ForEach(cell => link.PutCell(cell));
        return link.Commit(new CommitRequest { Close = true, Record = RestCommit!.Record, Signature = RestCommit.Signature }, RestCommit.Added,
            RestCommit.Dropped, Patience);
    }

    public void Append(in CellId id, ReadOnlySpan<byte> cell)
    {
        if (IsAway)
            RestCells.Add(cell.ToArray());
        else
            Link.PutCell(cell);
    }

    public (Digest Hash, long Offset) Commit(CommitEntry commit, bool close)
    {
        if (IsAway)
        {
            RestCommit = commit;
            return (DomainHash.OfEntry(LogEntryTypes.Commit, commit.ToBytes()), long.MaxValue);
        }
        if (IsCutAtCommit)
        {
            Link.Flush(Patience);
            Cut();
        }
        CommittedReply reply = Link.Commit(new CommitRequest { Close = close, Record = commit.Record, Signature = commit.Signature }, commit.Added,
            commit.Dropped, Patience);
        return (reply.EntryHash, (long)reply.EntryOffset);
    }

    public void Discard() => Link.Call(DiscardRequest.Instance, Patience);

    public void Close() => Link.Call(CloseLeaseRequest.Instance, Patience);

    public bool TryTakeOwn(in CellId id, Span<byte> cell) => false;

    public void Fetch(in CellId id, Span<byte> key, Span<byte> cell)
    {
        (CellStatus status, byte[] k, byte[] c) = Get(CellWant.Both, id)[0];
        if (status == CellStatus.Refused && HomeKeys is not null)
        {
            (status, _, c) = Get(CellWant.Cell, id)[0];
            if (status == CellStatus.Ok && HomeKeys.TryDeriveRecordKey(c, key))
            {
                c.CopyTo(cell);
                return;
            }
        }
        if (status != CellStatus.Ok)
            throw new VmPodException(ExitCode.Refused, $"The cell was not given: {status}.");
        k.CopyTo(key);
        c.CopyTo(cell);
    }

    public LeaseKeys? KeysOf(ulong leaseId) => HomeKeys?.Find(leaseId);

    /// <summary>Asks for this home host's own key.</summary>
    internal SecretBuffer GetHomeKey()
    {
        SecretBuffer? key = null;
        Link.GetHomeKey(bytes => key = SecretBuffer.Create(32, bytes, static (to, from) => from.CopyTo(to)), Patience);
        return key!;
    }

    /// <summary>Asks for the wrapped keys of its session's leases.</summary>
    internal IReadOnlyList<WrappedLeaseKey> GetLeaseKeys() => Link.Call(new LeaseKeysRequest { Session = Lease!.Session }, Patience).Keys;

    /// <summary>Cuts the link as a pulled cable does.</summary>
    internal void Cut() => channel.Abort();

    public void Dispose()
    {
        Link.Dispose();
        channel.Dispose();
    }

    private sealed class Sink(int count) : ICellSink
    {
        internal (CellStatus Status, byte[] Key, byte[] Cell)[] Taken { get; } = new (CellStatus, byte[], byte[])[count];

        public void Take(int index, CellStatus status, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell) =>
            Taken[index] = (status, key.ToArray(), cell.ToArray());
    }
}
