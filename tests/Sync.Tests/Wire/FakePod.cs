using System.Collections.Concurrent;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;

namespace VmPod.Sync.Tests.Wire;

/// <summary>A pod that answers everything, keeps what it was told, and does at each request what a test wants first.</summary>
internal sealed class FakePod : IWireHandler
{
    internal static readonly byte[] LeaseKey = [.. Enumerable.Range(0, 32).Select(i => (byte)(0xC0 + i))];

    /// <summary>Called first, with the request's name.</summary>
    internal Action<string> First { get; set; } = static _ => { };

    /// <summary>Answers a HAVE in place of this pod, well or not.</summary>
    internal Func<IReadOnlyList<CellId>, IReadOnlyList<bool>>? HaveInstead { get; init; }

    /// <summary>Everything that was asked, in the order in which it began.</summary>
    internal ConcurrentQueue<string> Asked { get; } = new();

    internal ConcurrentQueue<CellId> Put { get; } = new();

    internal CellId[] Added { get; private set; } = [];

    internal CellId[] Dropped { get; private set; } = [];

    internal LogRequest? Logged { get; private set; }

    internal ReceiptRequest? Received { get; private set; }

    /// <summary>The cell behind an id in these tests: filled with the id's first byte.</summary>
    internal static byte[] CellOf(CellId id)
    {
        byte[] cell = new byte[WireCases.CellBytes], bytes = new byte[CellId.Size];
        id.WriteTo(bytes);
        for (int i = 0; i < cell.Length; i++)
            cell[i] = bytes[i % bytes.Length];
        return cell;
    }

    internal static byte[] KeyOf(CellId id)
    {
        byte[] key = CellOf(id)[..32];
        Array.Reverse(key);
        return key;
    }

    public SessionReply Find(FindRequest request)
    {
        Begin("find");
        return new() { Handle = new(7), IsLeaseOpen = true, CommitCount = 0, Tip = null, Generations = [] };
    }

    public SessionsReply List()
    {
        Begin("list");
        return new() { Lines = [new(new(7), "demo", true, 3, 2, 1)] };
    }

    public void OpenLease(LeaseRequest request, LeaseAnswer answer)
    {
        Begin("open-lease");
        answer.Send(new()
        {
            Session = new(7),
            LeaseId = 1,
            Term = 2,
            SessionOffset = 3,
            LeaseOffset = 4,
            LastGeneration = 5,
            LastNumber = 6,
            ExpiresInMs = 60_000,
            Base = null
        }, LeaseKey);
    }

    public AttachedReply Attach(AttachRequest request)
    {
        Begin("attach");
        return new() { LastNumber = 0, EntryHash = Digest.Zero, EntryOffset = ulong.MaxValue, ExpiresInMs = 60_000, IsOpen = true };
    }

    public void HomeKey(HomeKeyAnswer answer)
    {
        Begin("get-home-key");
        answer.Send(LeaseKey);
    }

    public LeaseKeysReply LeaseKeys(LeaseKeysRequest request)
    {
        Begin("get-lease-keys");
        return new() { Keys = [new(1, new byte[FormatLimits.WrappedKeyBytes])] };
    }

    public ForksReply Forks(ForksRequest request)
    {
        Begin("get-forks");
        return new() { Lines = [new(1, 2, GenerationKind.DiskOnly, CommitTrust.Sound, true, "host")] };
    }

    public void GetCells(CellsRequest request, CellAnswer answer)
    {
        Begin("get-cells");
        for (int i = request.Ids.Count - 1; i >= 0; i--)
            answer.Send(i, CellStatus.Ok, request.Want.HasFlag(CellWant.Key) ? KeyOf(request.Ids[i]) : default,
                request.Want.HasFlag(CellWant.Cell) ? CellOf(request.Ids[i]) : default);
    }

    public IReadOnlyList<bool> Have(IReadOnlyList<CellId> ids)
    {
        Begin("have");
        if (HaveInstead is not null)
            return HaveInstead(ids);
        HashSet<CellId> put = [.. Put];
        return [.. ids.Select(put.Contains)];
    }

    public RenewedReply Renew()
    {
        Begin("renew");
        return new() { ExpiresInMs = 1234 };
    }

    public void PutCell(ReadOnlySpan<byte> cell)
    {
        Begin("put-cell");
        Put.Enqueue(CellId.Of(cell));
    }

    public void Flush() => Begin("flush");

    public CommittedReply Commit(CommitRequest request, CellId[] added, CellId[] dropped)
    {
        Begin("commit");
        (Added, Dropped) = (added, dropped);
        return new() { EntryHash = request.Record.LiveRoot, EntryOffset = 9, HeadSeq = 10, HeadHash = Digest.Zero };
    }

    public void Discard() => Begin("discard");

    public void CloseLease() => Begin("close-lease");

    public void Log(LogRequest request)
    {
        Begin("log");
        Logged = request;
    }

    public void Receipt(ReceiptRequest request)
    {
        Begin("receipt");
        Received = request;
    }

    private void Begin(string name)
    {
        Asked.Enqueue(name);
        First(name);
    }
}
