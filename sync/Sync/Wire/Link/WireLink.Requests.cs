using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>What a host asks.</summary>
public sealed partial class WireLink
{
    /// <summary>Cells put on this link so far.</summary>
    public long PutCount => Interlocked.Read(ref putCount);

    /// <summary>Asks, and waits for the answer. From any thread but those of the link.</summary>
    /// <exception cref="VmPodException">What the pod says, with its exit code; no answer in time, or the link lost (7); the pod broke a rule (5).</exception>
    public TReply Call<TReply>(IWireRequest<TReply> request, TimeSpan timeout)
        where TReply : class, IWireReply<TReply>
    {
        ArgumentNullException.ThrowIfNull(request);
        var pending = new PendingReply<TReply>(request.IsAnsweredBy);
        Ask(request, pending, IsUrgent(request.Type), new Deadline(timeout));
        return pending.Reply!;
    }

    /// <inheritdoc cref="Call"/>
    /// <remarks>The thread is blocked only while more waits to be sent than <see cref="WireLimits.SendBytes"/>.</remarks>
    public async ValueTask<TReply> CallAsync<TReply>(IWireRequest<TReply> request, TimeSpan timeout)
        where TReply : class, IWireReply<TReply>
    {
        ArgumentNullException.ThrowIfNull(request);
        var pending = new PendingReply<TReply>(request.IsAnsweredBy);
        await AskAsync(request, pending, IsUrgent(request.Type), new Deadline(timeout)).ConfigureAwait(false);
        return pending.Reply!;
    }

    /// <summary>Opens a lease.</summary>
    /// <param name="request">Which.</param>
    /// <param name="takeKey">Takes the lease's key, 32 bytes, out of the frame; called on the link's receiving thread, at most once, before this
    /// returns. What it throws is thrown here.</param>
    /// <param name="timeout">For the answer.</param>
    /// <exception cref="VmPodException">As for <see cref="Call"/>.</exception>
    public LeaseReply OpenLease(LeaseRequest request, Action<ReadOnlySpan<byte>> takeKey, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(takeKey);
        var pending = new PendingLease(takeKey);
        Ask(request, pending, urgent: false, new Deadline(timeout));
        return pending.Reply!;
    }

    /// <summary>Asks for this home host's own key.</summary>
    /// <param name="takeKey">Takes it, 32 bytes, out of the frame; as for <see cref="OpenLease"/>.</param>
    /// <param name="timeout">For the answer.</param>
    /// <exception cref="VmPodException">As for <see cref="Call"/>.</exception>
    public void GetHomeKey(Action<ReadOnlySpan<byte>> takeKey, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(takeKey);
        Ask(HomeKeyRequest.Instance, new PendingHomeKey(takeKey), urgent: false, new Deadline(timeout));
    }

    /// <summary>Asks for cells, keys of cells, or both; returns when the sink has taken each of them.</summary>
    /// <exception cref="VmPodException">As for <see cref="Call"/>. The sink may have taken some.</exception>
    public void GetCells(CellsRequest request, ICellSink sink, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        Ask(request, new PendingCells(request, cellBytes, sink), urgent: true, new Deadline(timeout));
    }

    /// <inheritdoc cref="GetCells"/>
    public ValueTask GetCellsAsync(CellsRequest request, ICellSink sink, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sink);
        return AskAsync(request, new PendingCells(request, cellBytes, sink), urgent: true, new Deadline(timeout));
    }

    /// <summary>Sends a cell to be stored; waits only while more than <see cref="WireLimits.BulkSendBytes"/> wait to be sent. Whether it is stored, the
    /// next <see cref="Flush"/> or <see cref="Commit"/> says.</summary>
    /// <returns>Its ordinal on this link, from 1.</returns>
    /// <exception cref="VmPodException">The link is lost (7).</exception>
    public long PutCell(ReadOnlySpan<byte> cell)
    {
        MustBeHost();
        if (cell.Length != cellBytes)
            throw new ArgumentException($"A cell of this vault has {cellBytes} bytes.", nameof(cell));
        ThrowIfEnded();
        bulkOrder.Wait();
        try
        {
            FrameBlock block = sender.Reserve(WireType.PutCell, 0, cell.Length, urgent: false);
            cell.CopyTo(block.Span[WireLimits.HeaderBytes..]);
            sender.Send(block, urgent: false);
            return ++putCount;
        }
        finally
        {
            _ = bulkOrder.Release();
        }
    }

    /// <summary>Returns when all cells put before on this link are durable on the pod.</summary>
    /// <returns>How many that are.</returns>
    /// <exception cref="VmPodException">A put before it failed, with the pod's reason; or as for <see cref="Call"/>.</exception>
    public long Flush(TimeSpan timeout)
    {
        ulong ordinal = 0;
        var pending = new PendingReply<FlushedReply>(reply => reply.DurableCount >= ordinal && reply.DurableCount <= long.MaxValue);
        var deadline = new Deadline(timeout);
        InOrder(deadline, () =>
        {
            ordinal = (ulong)putCount;
            Begin(new FlushRequest { Ordinal = ordinal }, pending, urgent: false, deadline);
        });
        Await(pending, deadline);
        return (long)pending.Reply!.DurableCount;
    }

    /// <summary>Commits: sends both lists and the record, and waits until the commit is durable.</summary>
    /// <param name="request">The record, whose counts are those of the lists, and its signature.</param>
    /// <param name="added">Ids added, ascending, none twice.</param>
    /// <param name="dropped">Ids dropped, ascending, none twice.</param>
    /// <param name="timeout">For all of it.</param>
    /// <exception cref="VmPodException">A put before it failed, or the commit is refused, with the pod's reason; or as for <see cref="Call"/>. Without
    /// an answer the commit may be durable or not: <see cref="AttachRequest"/> says.</exception>
    public CommittedReply Commit(CommitRequest request, ReadOnlyMemory<CellId> added, ReadOnlyMemory<CellId> dropped, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (added.Length != request.Record.AddedCount || dropped.Length != request.Record.DroppedCount)
            throw new ArgumentException("The record counts other lists.", nameof(request));
        if ((added.Length + (long)dropped.Length) * CellId.Size > WireLimits.CollectedIdBytesMax)
            throw CommitIds.TooMuch();
        var pending = new PendingReply<CommittedReply>(null);
        var deadline = new Deadline(timeout);
        InOrder(deadline, () =>
        {
            uint number = table.Add(pending, deadline);
            try
            {
                SendIds(added, isDropped: false);
                SendIds(dropped, isDropped: true);
                sender.Send(request, number, urgent: false);
            }
            catch
            {
                table.Remove(number);
                throw;
            }
        });
        Await(pending, deadline);
        return pending.Reply!;
    }

    private static bool IsUrgent(WireType type) => WireRule.Of(type, 0)!.Value.Kind == FrameKind.Read;

    private void SendIds(ReadOnlyMemory<CellId> ids, bool isDropped)
    {
        for (int at = 0; at < ids.Length; at += WireLimits.IdsMax)
        {
            CellId[] part = ids.Slice(at, Math.Min(WireLimits.IdsMax, ids.Length - at)).ToArray();
            sender.Send(new IdsMessage { Dropped = isDropped, Ids = part }, 0, urgent: false);
        }
    }

    /// <summary>Runs what must stand in a row among the bulk frames.</summary>
    private void InOrder(Deadline deadline, Action send)
    {
        MustBeHost();
        ThrowIfEnded();
        if (!bulkOrder.Wait(deadline.Remaining))
            throw WireFault.NoAnswer(deadline);
        try
        {
            send();
        }
        finally
        {
            _ = bulkOrder.Release();
        }
    }

    private void Ask(IWireMessage request, PendingRequest pending, bool urgent, Deadline deadline)
    {
        MustBeHost();
        Begin(request, pending, urgent, deadline);
        Await(pending, deadline);
    }

    private async ValueTask AskAsync(IWireMessage request, PendingRequest pending, bool urgent, Deadline deadline)
    {
        MustBeHost();
        Send(request, await table.AddAsync(pending, deadline).ConfigureAwait(false), urgent, deadline);
        try
        {
            await pending.Done.WaitAsync(deadline.Remaining).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            GiveUp(pending, deadline);
        }
    }

    private void Begin(IWireMessage request, PendingRequest pending, bool urgent, Deadline deadline) =>
        Send(request, table.Add(pending, deadline), urgent, deadline);

    private void Send(IWireMessage request, uint number, bool urgent, Deadline deadline)
    {
        try
        {
            sender.Send(request, number, urgent, deadline);
        }
        catch
        {
            table.Remove(number);
            throw;
        }
    }

    private static void Await(PendingRequest pending, Deadline deadline)
    {
        try
        {
            if (!pending.Done.Wait(deadline.Remaining))
                GiveUp(pending, deadline);
        }
        catch (AggregateException)
        {
            pending.Done.GetAwaiter().GetResult();      // throws it as it was
        }
    }

    private static void GiveUp(PendingRequest pending, Deadline deadline)
    {
        pending.Abandon();
        if (!pending.Done.IsCompleted)
            throw WireFault.NoAnswer(deadline);
        pending.Done.GetAwaiter().GetResult();
    }

    private void MustBeHost()
    {
        if (role != WireRole.Host)
            throw new InvalidOperationException("A pod answers; it asks nothing.");
    }

    private void ThrowIfEnded()
    {
        if (Failure is { } why)
            throw WireFault.Again(why);
    }
}
