using System.Buffers;
using VmPod.Foundation;
using VmPod.PodKeeper.Serving;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>
/// A link between a host and a pod: the product's messages, frames, and its worker with its handler, one frame at a time on the caller's thread. The world
/// may cut it before and after each.
/// </summary>
internal sealed class SimLink : IDisposable
{
    private readonly SimWorld world;
    private readonly HostHandler handler;
    private readonly WireServer server;
    private readonly FrameSender sender;
    private readonly byte[] memory = ArrayPool<byte>.Shared.Rent(WireLimits.SendBytes);
    private uint number;
    private ulong puts;
    private bool isServed = true;

    internal SimLink(SimWorld world, SimPod pod, SimHost host, UInt128 boot)
    {
        this.world = world;
        Pod = pod;
        Host = host;
        // Nothing is ever on its way here: each frame is worked off as it is sent.
        handler = new HostHandler(pod.Desk, pod.HostOf(host, boot), pod.Receipts, settle: static () => { }, () => IsUp = false);
        sender = new FrameSender(Stream.Null, memory, world.Clock, null, _ => throw new InvalidOperationException("No beat is due."), static _ => { });
        var receiver = new FrameReceiver(Stream.Null, WireRole.Host, Memory<byte>.Empty, world.Clock);
        server = new WireServer(handler, sender, receiver, CellBytes, world.Broken, world.Bug, pod.SharedIds);
    }

    internal SimPod Pod { get; }

    internal SimHost Host { get; }

    /// <summary>False once either side ended it.</summary>
    internal bool IsUp { get; set; } = true;

    internal int CellBytes => Pod.Pod.Vault.Store.CellBytes;

    /// <summary>What the pod's side of it is for is over: its lease is parked.</summary>
    public void Dispose()
    {
        if (!isServed)
            return;
        (isServed, IsUp) = (false, false);
        try
        {
            server.Join();
            handler.Dispose();
        }
        finally
        {
            sender.Close();
            ArrayPool<byte>.Shared.Return(memory);
        }
    }

    internal TReply Call<TReply>(IWireMessage request)
        where TReply : class, IWireReply<TReply>
    {
        byte[] body = Single(Send(request), TReply.ReplyType);
        return TReply.TryRead(body, out TReply? reply) ? reply : throw Unreadable(TReply.ReplyType);
    }

    /// <summary>Opens a lease; the key is lent.</summary>
    internal LeaseReply OpenLease(LeaseRequest request, Action<ReadOnlySpan<byte>> takeKey)
    {
        byte[] body = Single(Send(request), WireType.Lease);
        if (!LeaseReply.TryRead(body, out LeaseReply? reply))
            throw Unreadable(WireType.Lease);
        takeKey(LeaseReply.KeyIn(body));
        return reply;
    }

    /// <summary>Asks for one cell and its key.</summary>
    internal CellStatus GetCell(in CellId id, Span<byte> key, Span<byte> cell)
    {
        byte[] body = Single(Send(new CellsRequest { Want = CellWant.Both, Urgency = 0, Ids = [id] }), WireType.Cell);
        if (!CellReply.TryRead(body, CellWant.Both, CellBytes, out CellReply reply))
            throw Unreadable(WireType.Cell);
        if (reply.Status == CellStatus.Ok)
        {
            reply.Key.CopyTo(key);
            reply.Cell.CopyTo(cell);
        }
        return reply.Status;
    }

    internal void PutCell(ReadOnlySpan<byte> cell)
    {
        byte[] body = cell.ToArray();
        _ = Deliver(WireType.PutCell, 0, body);
        puts++;
    }

    internal void Flush() => _ = Call<FlushedReply>(new FlushRequest { Ordinal = puts });

    internal CommittedReply Commit(CommitRequest request, CellId[] added, CellId[] dropped)
    {
        SendIds(added, isDropped: false);
        SendIds(dropped, isDropped: true);
        return Call<CommittedReply>(request);
    }

    private void SendIds(CellId[] ids, bool isDropped)
    {
        foreach (CellId[] part in ids.Chunk(WireLimits.IdsMax))
        {
            var message = new IdsMessage { Dropped = isDropped, Ids = part };
            byte[] body = new byte[message.BodyBytes];
            message.WriteTo(body);
            _ = Deliver(message.Type, 0, body);
        }
    }

    private List<(WireType Type, byte[] Body)> Send(IWireMessage request)
    {
        byte[] body = new byte[request.BodyBytes];
        request.WriteTo(body);
        return Deliver(request.Type, ++number, body);
    }

    private List<(WireType Type, byte[] Body)> Deliver(WireType type, uint request, byte[] body)
    {
        MustBeUp();
        world.Sending(this, type);
        MustBeUp();
        var answers = new List<(WireType, byte[])>();
        server.Answer(new FrameHeader(type, request, body.Length), body);
        while (sender.TryNext(out FrameBlock block))
        {
            FrameHeader header = FrameHeader.Read(block.Span);
            answers.Add((header.Type, block.Span[WireLimits.HeaderBytes..].ToArray()));
            block.Return();
        }
        world.Sent(this, type, answers is [(WireType.Error, byte[] error)] && ErrorReply.TryRead(error, out ErrorReply? told) ? told : null);
        MustBeUp();
        return answers;
    }

    private static byte[] Single(List<(WireType Type, byte[] Body)> answers, WireType expected)
    {
        if (answers is not [(WireType type, byte[] body)])
            throw new SimViolationException($"{answers.Count} answers to one request");
        if (type == WireType.Error && ErrorReply.TryRead(body, out ErrorReply? error))
            throw new VmPodException(error.ExitCode, error.Message, error.Cure.Length > 0 ? error.Cure : null);
        return type == expected ? body : throw Unreadable(expected);
    }

    private void MustBeUp()
    {
        if (!IsUp)
            throw new VmPodException(ExitCode.LinkLost, "The simulated link is lost.");
    }

    private static SimViolationException Unreadable(WireType expected) => new($"The pod's {expected} does not read.");
}
