using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Pods;

/// <summary>
/// A pod over a link as the home of a lease. Each cell is kept here, sealed, until a commit of the pod names it: so a link that is lost and found again loses
/// nothing, and what it never takes stays behind as a residue.
/// </summary>
internal sealed class RemoteLeaseHome(RemotePod pod, Residue residue, HomeReading reading, int cellBytes, TimeProvider time, ILogger log)
    : ILeaseHome, IReleasedCellSource
{
    // A cell over a slow link, behind what is under way: longer than any of it, shorter than a person's patience.
    private static readonly TimeSpan FetchTime = TimeSpan.FromSeconds(30);

    // A commit waits for all cells before it, and for the pod's disk.
    private static readonly TimeSpan CommitTime = TimeSpan.FromMinutes(10);

    // A link that was cut is often back at once. Longer than this a disk's reader need not wait: the machine is stopped with its request kept (rule 9).
    private static readonly TimeSpan ReadPatience = TimeSpan.FromSeconds(1);

    // A cell that was asked for ahead comes behind what the link takes in a fraction of this.
    private static readonly TimeSpan AheadPatience = TimeSpan.FromSeconds(1);

    private readonly ThreadLocal<CellFetch> fetches = new(() => new CellFetch(cellBytes), trackAllValues: true);
    private readonly FetchedCells fetched = new(residue.Folder, cellBytes, HostLimits.FetchedBytesMax);
    private readonly Lock sending = new();
    private CellsAhead? ahead;
    private CellUpload? upload;
    private WireLink? refusedBy;
    private long cellsFetched, waitedTicks;
    private volatile bool keepsRest;
    private bool keysDropped;

    /// <inheritdoc cref="ILeaseHome.CellBytes"/>
    public int CellBytes => cellBytes;

    /// <inheritdoc/>
    public bool IsFar => true;

    /// <summary>Bytes of cells that are sealed and not committed.</summary>
    public long UncommittedBytes => residue.Bytes;

    /// <summary>Cells that came over the link.</summary>
    public long CellsFetched => Interlocked.Read(ref cellsFetched);

    /// <summary>How long somebody waited for cells, all who did added up.</summary>
    public TimeSpan WaitedForCells => TimeSpan.FromTicks(Interlocked.Read(ref waitedTicks));

    /// <summary>Where the rest stands, if it was kept.</summary>
    public string? RestFolder => residue.IsKept ? residue.Folder : null;

    /// <inheritdoc cref="ISessionPod.EndRest"/>
    public string? EndRest() => residue.End() ? residue.Folder : null;

    /// <inheritdoc/>
    public ulong NowMs() => (ulong)time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>From now on the commit that ends the lease is kept if the pod cannot take it.</summary>
    public void KeepRest()
    {
        keepsRest = true;
        fetched.EndWaiting();
    }

    /// <inheritdoc/>
    public void Append(in CellId id, ReadOnlySpan<byte> cell)
    {
        residue.Add(id, cell);
        fetched.Add(id, default, cell);
        if (pod.Current is not { } wire || Volatile.Read(ref upload) is not { } to || !ReferenceEquals(wire, to.Link))
            return;
        try
        {
            to.Put(id, cell);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            // It is in the residue, and sent again when the link is back.
        }
    }

    /// <inheritdoc/>
    public (Digest Hash, long Offset) Commit(CommitEntry commit, bool close)
    {
        // Only the last commit of a lease can be kept: what follows it would have to say where it stands in the pod's log. One that was under way when the link
        // went fails, as on any lost link, and what it had goes into the last one.
        bool keep = keepsRest && close;
        try
        {
            WireLink wire = keep ? pod.Current ?? throw Lost() : pod.Require(CommitTime);
            SendAgain(wire);
            CommittedReply reply = wire.Commit(new CommitRequest { Close = close, Record = commit.Record, Signature = commit.Signature }, commit.Added,
                commit.Dropped, CommitTime);
            ClearRest();
            pod.Witness(reply.HeadSeq, reply.HeadHash);
            return (reply.EntryHash, checked((long)reply.EntryOffset));
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost && keep)
        {
            residue.Keep(commit);
            log.LogWarning("The pod is gone: {Bytes} bytes of sealed cells stay here until it comes back.", residue.Bytes);
            return (DomainHash.OfEntry(LogEntryTypes.Commit, commit.ToBytes()), long.MaxValue);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.NoSpace)
        {
            // Some of the cells were not taken: all are looked through again before the next try.
            Volatile.Write(ref upload, null);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Discard()
    {
        ClearRest();
        Quietly(wire => wire.Call(DiscardRequest.Instance, FetchTime));
    }

    /// <inheritdoc/>
    public void Close() => Quietly(wire => wire.Call(CloseLeaseRequest.Instance, FetchTime));

    /// <inheritdoc/>
    public bool TryTakeOwn(in CellId id, Span<byte> cell) => residue.TryRead(id, cell) || fetched.TryRead(id, default, cell);

    /// <inheritdoc/>
    public void Fetch(in CellId id, Span<byte> key, Span<byte> cell)
    {
        if (fetched.TryRead(id, key, cell))
            return;
        long since = Stopwatch.GetTimestamp();
        try
        {
            FetchFar(id, key, cell);
        }
        finally
        {
            Interlocked.Add(ref waitedTicks, Stopwatch.GetElapsedTime(since).Ticks);
        }
    }

    private void FetchFar(in CellId id, Span<byte> key, Span<byte> cell)
    {
        // It may be on its way already: then it is not asked for twice, unless that takes long.
        if (Ahead.WaitFor(id, AheadPatience) && fetched.TryRead(id, key, cell))
            return;
        bool isClaimed = Ahead.Claim(id);
        try
        {
            FetchFrom(pod.Require(ReadPatience), id, key, cell);
            Interlocked.Increment(ref cellsFetched);
            // Only what is the cell that was asked for: another one would be found damaged again and again.
            if (CellId.Of(cell) == id)
                fetched.Add(id, key, cell);
        }
        finally
        {
            if (isClaimed)
                Ahead.Release(id);
        }
    }

    /// <inheritdoc/>
    public int FetchAhead(IReadOnlyList<CellId> ids, bool isAwaited, Func<bool> goesOn)
    {
        if (pod.Current is { } wire)
        {
            // A locked pod releases no keys, and a home host derives each from the cell.
            bool sealedOnly = ReferenceEquals(wire, Volatile.Read(ref refusedBy));
            ValueTask Ask(CellsRequest request, ICellSink sink) => wire.GetCellsAsync(request, sink, FetchTime);
            if (!Ahead.Fetch(Ask, Missing(), sealedOnly ? CellWant.Cell : CellWant.Both, isAwaited, goesOn) && !sealedOnly
                && reading.Fetch(wire) is not null)
            {
                Volatile.Write(ref refusedBy, wire);
                _ = Ahead.Fetch(Ask, Missing(), CellWant.Cell, isAwaited, goesOn);
            }
        }
        return Missing().Count;

        List<CellId> Missing() => [.. ids.Where(id => !fetched.Has(id))];
    }

    private CellsAhead Ahead => ahead ?? Interlocked.CompareExchange(ref ahead, new CellsAhead(cellBytes, Keep, id => fetched.Has(id)), null) ?? ahead;

    private void Keep(in CellId id, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell)
    {
        Interlocked.Increment(ref cellsFetched);
        // Only what is the cell that was asked for: another one would be found damaged again and again.
        if (CellId.Of(cell) != id)
            return;
        if (key.IsEmpty)
            fetched.AddSealed(id, cell, reading);
        else
            fetched.Add(id, key, cell, isAhead: true);
    }

    /// <inheritdoc/>
    public LeaseKeys? KeysOf(ulong leaseId) => reading.Keys?.Find(leaseId);

    // With the pod's key if it releases one; a home host else reads on with its own.
    private void FetchFrom(WireLink wire, in CellId id, Span<byte> key, Span<byte> cell)
    {
        CellFetch fetch = fetches.Value!;
        if (!ReferenceEquals(wire, Volatile.Read(ref refusedBy)))
        {
            try
            {
                fetch.Run(wire, id, key, cell, FetchTime);
                return;
            }
            catch (VmPodException e) when (e.ExitCode == ExitCode.Refused && fetch.IsRefused && reading.Fetch(wire) is not null)
            {
                // Over this link nothing is released any more.
                Volatile.Write(ref refusedBy, wire);
            }
        }
        fetch.Run(wire, id, default, cell, FetchTime);
        if (reading.Fetch(wire) is null || !reading.TryDeriveKey(cell, key))
            throw new VmPodException(ExitCode.Refused, $"The pod is locked, and this host has no key of cell {id}.", "podkeeper unlock DIR on the pod.");
    }

    /// <summary>Sends what the pod does not have of the cells that are kept, but for those that went over this link already.</summary>
    public void SendAgain(WireLink wire)
    {
        CellUpload to;
        lock (sending)
        {
            to = upload is { } same && ReferenceEquals(same.Link, wire) ? same : new CellUpload(wire, cellBytes);
            Volatile.Write(ref upload, to);
        }
        // Cells that are made meanwhile, while nobody else may use the link yet, are seen to by the commit that names them: it comes here too.
        to.PutMissing(residue.Ids(), residue.TryRead, FetchTime);
    }

    private void ClearRest()
    {
        residue.Clear();
        Volatile.Read(ref upload)?.Forget();
    }

    /// <inheritdoc/>
    public void DropKeys()
    {
        if (keysDropped)
            return;
        keysDropped = true;
        foreach (CellFetch fetch in fetches.Values)
            fetch.Dispose();
        fetched.Dispose();
        reading.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        DropKeys();
        fetches.Dispose();
        residue.Dispose();
    }

    // Best effort: a pod that is gone finds the lease open, and its owner can end it.
    private void Quietly(Action<WireLink> ask)
    {
        try
        {
            if (pod.Current is { } wire)
                ask(wire);
        }
        catch (VmPodException e) when (e.ExitCode is ExitCode.LinkLost or ExitCode.Busy)
        {
            log.LogDebug("The pod was not told: {Reason}", e.Message);
        }
    }

    private static VmPodException Lost() => new(ExitCode.LinkLost, "The pod is gone.", "Bring it back.");
}
