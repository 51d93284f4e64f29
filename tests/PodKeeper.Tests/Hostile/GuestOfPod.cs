using System.Security.Cryptography;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Tests.Cuts;
using VmPod.PodKeeper.Tests.Serving;
using VmPod.Secrets;
using VmPod.Sync.Wire;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.PodKeeper.Tests.Hostile;

/// <summary>
/// A host in its dealings with a pod, the same each time: over a connection to a real one, which is recorded, and then over what a hostile one makes of that.
/// Whatever the pod says: what is read is what was written or refused, and each call ends with an answer or with a <see cref="VmPodException"/>.
/// </summary>
internal sealed class GuestOfPod : IReleasedCellSource, IDisposable
{
    // A call that waits for it hangs.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string session;
    private readonly byte[] ownerKey;
    private readonly SecretBuffer seed = SecretBuffer.Random(32);
    private readonly byte[] received = new byte[WireLimits.HostReceiveBytes], sent = new byte[WireLimits.SendBytes];
    private WireLink link = null!;

    /// <param name="session">The session that it resumes.</param>
    /// <param name="ownerKey">The owner's key, known from an earlier meeting.</param>
    internal GuestOfPod(string session, ReadOnlySpan<byte> ownerKey)
    {
        this.session = session;
        this.ownerKey = ownerKey.ToArray();
    }

    /// <summary>What it reads of the session; null if it was refused.</summary>
    internal byte[]? Content { get; private set; }

    /// <summary>Calls that were answered as asked.</summary>
    internal int Answered { get; private set; }

    public int CellBytes => link.Pod!.CellBytes;

    /// <summary>Finds a session, opens a lease of it, reads, and ends the lease.</summary>
    internal void Resume(Stream stream, Action cut)
    {
        (Content, Answered) = (null, 0);
        if (!Connect(stream, cut))
            return;
        using (link)
        {
            Ask(() => link.Call(new FindRequest { Name = session }, Patience));
            Ask(() => link.Call(ListRequest.Instance, Patience));
            Ask(Read);
            Ask(() => link.Call(RenewRequest.Instance, Patience));
            Ask(() => link.Call(new LogRequest { Kind = (ushort)AuditKind.SessionResume, Numbers = [new LogNumber("answer-ms", 95)] }, Patience));
            Ask(() => link.Call(CloseLeaseRequest.Instance, Patience));
        }
    }

    /// <summary>Goes on with a lease: asks, puts, commits, hands in a receipt.</summary>
    internal void Sync(Stream stream, Action cut, Prepared what)
    {
        Answered = 0;
        if (!Connect(stream, cut))
            return;
        using (link)
        {
            CommitEntry commit = what.Commit;
            Ask(() => link.Call(what.Lease, Patience));
            Ask(() => link.GetCells(new CellsRequest { Want = CellWant.Both, Urgency = 0, Ids = [what.Known, commit.Added[0]] }, new Sink(2), Patience));
            Ask(() =>
            {
                new CellUpload(link, what.Cells[commit.Added[0]].Length).PutMissing(commit.Added,
                    (in CellId id, Span<byte> cell) => what.Cells[id].AsSpan().TryCopyTo(cell), Patience);
                link.Flush(Patience);
            });
            Ask(() => link.Commit(new CommitRequest { Close = false, Record = commit.Record, Signature = commit.Signature }, commit.Added, commit.Dropped,
                Patience));
            Ask(() => link.GetHomeKey(static _ => { }, Patience));
            Ask(() => link.Call(new LeaseKeysRequest { Session = what.Lease.Session }, Patience));
            Ask(() => link.Call(new ForksRequest { Session = what.Lease.Session }, Patience));
            Ask(() => link.Call(new ReceiptRequest { Json = "{}"u8.ToArray(), Signature = what.Receipt }, Patience));
            Ask(() => link.Call(DiscardRequest.Instance, Patience));
        }
    }

    public bool TryTakeOwn(in CellId id, Span<byte> cell) => false;

    public void Fetch(in CellId id, Span<byte> key, Span<byte> cell)
    {
        var sink = new Sink(1);
        link.GetCells(new CellsRequest { Want = CellWant.Both, Urgency = 0, Ids = [id] }, sink, Patience);
        if (sink.Taken[0] is not (CellStatus.Ok, { } k, { } c))
            throw new VmPodException(ExitCode.Refused, "The cell was not given.");
        k.CopyTo(key);
        c.CopyTo(cell);
    }

    public void DropKeys()
    {
    }

    public void Dispose() => seed.Dispose();

    private bool Connect(Stream stream, Action cut)
    {
        try
        {
            link = WireLink.Connect(stream, new HostHello { BootId = 1, TimeMs = 1, DisplayName = "" }, new WireOptions
            {
                ReceiveMemory = received,
                SendMemory = sent,
                Cut = cut,
                Time = FrozenTime.Instance,
            });
            return true;
        }
        catch (VmPodException)
        {
            return false;
        }
    }

    private void Ask(Action act)
    {
        try
        {
            act();
            Answered++;
        }
        catch (VmPodException)
        {
            // Any other exception would be a bug, and ends the test.
        }
    }

    private void Read()
    {
        SecretBuffer? key = null;
        SigningKey signer = SigningKey.FromSeed(seed);
        SessionLease? lease = null;
        try
        {
            LeaseReply reply = link.OpenLease(new LeaseRequest
            {
                Session = session,
                Purpose = VmPod.Sync.Wire.LeasePurpose.Resume,
                Create = false,
                Tip = false,
                Generation = null,
                Signer = signer.PublicKey,
            }, bytes => key = SecretBuffer.Create(32, bytes, static (to, from) => from.CopyTo(to)), Patience);
            // What a pod calls a new session is none that was asked for.
            if (reply.Start() is not { } from)
                throw new VmPodException(ExitCode.Damaged, "The pod gave no commit to go on from.");
            lease = SessionLease.Open(session, reply.TermsAt(link.Pod!.VaultId), key!, signer, new NoHome(this), this, from, ownerKey, reply.LeaseId);
            byte[] chunk = new byte[FormatLimits.ChunkBytes];
            StreamInfo stream = lease.Reader!.Streams[0];
            Assert.True(lease.Reader.ReadChunk(stream, 0, chunk));
            Content = chunk;
        }
        finally
        {
            key?.Dispose();
            if (lease is not null)
                lease.Dispose();
            else
                signer.Dispose();
        }
    }

    /// <summary>What <see cref="Sync"/> says, made before.</summary>
    internal sealed record Prepared(AttachRequest Lease, CommitEntry Commit, IReadOnlyDictionary<CellId, byte[]> Cells, CellId Known, byte[] Receipt);

    private sealed class Sink(int count) : ICellSink
    {
        internal (CellStatus Status, byte[]? Key, byte[]? Cell)[] Taken { get; } = new (CellStatus, byte[]?, byte[]?)[count];

        public void Take(int index, CellStatus status, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell) =>
            Taken[index] = (status, key.ToArray(), cell.ToArray());
    }

    // Nothing is written under this lease.
    private sealed class NoHome(GuestOfPod host) : ILeaseHome
    {
        public int CellBytes => host.CellBytes;

        public ulong NowMs() => 1;

        public void Append(in CellId id, ReadOnlySpan<byte> cell) => throw new InvalidOperationException("This host only reads.");

        public (Digest Hash, long Offset) Commit(CommitEntry commit, bool close) => throw new InvalidOperationException("This host only reads.");

        public void Discard()
        {
        }

        public void Close()
        {
        }

        public void Dispose()
        {
        }
    }
}
