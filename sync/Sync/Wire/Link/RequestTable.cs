using VmPod.Foundation;

namespace VmPod.Sync.Wire;

/// <summary>The requests of a host that wait for an answer, by number. A request that was given up keeps its place until it is answered:
/// the pod still works on it.</summary>
internal sealed class RequestTable : IDisposable
{
    private readonly SemaphoreSlim places = new(WireLimits.RequestsMax);
    private readonly CancellationTokenSource ended = new();
    private readonly Dictionary<uint, PendingRequest> pending = [];
    private uint last;
    private volatile VmPodException? fault;

    /// <summary>Requests without an answer.</summary>
    internal int Count
    {
        get
        {
            lock (pending)
                return pending.Count;
        }
    }

    /// <summary>Waits for a place, and gives the request its number.</summary>
    /// <exception cref="VmPodException">No place in time, or the link is lost.</exception>
    internal uint Add(PendingRequest request, Deadline deadline)
    {
        ThrowIfEnded();
        try
        {
            if (!places.Wait(deadline.Remaining, ended.Token))
                throw WireFault.NoAnswer(deadline);
        }
        catch (OperationCanceledException)
        {
            throw WireFault.Again(fault!);
        }
        return Enter(request);
    }

    /// <inheritdoc cref="Add"/>
    internal async ValueTask<uint> AddAsync(PendingRequest request, Deadline deadline)
    {
        ThrowIfEnded();
        try
        {
            if (!await places.WaitAsync(deadline.Remaining, ended.Token).ConfigureAwait(false))
                throw WireFault.NoAnswer(deadline);
        }
        catch (OperationCanceledException)
        {
            throw WireFault.Again(fault!);
        }
        return Enter(request);
    }

    /// <summary>Takes a request back that was never sent.</summary>
    internal void Remove(uint number)
    {
        lock (pending)
        {
            if (!pending.Remove(number))
                return;
        }
        _ = places.Release();
    }

    /// <summary>Hands a frame to its request. False if nobody asked for it.</summary>
    internal bool TryDeliver(FrameHeader header, ReadOnlySpan<byte> body)
    {
        PendingRequest? request;
        lock (pending)
            _ = pending.TryGetValue(header.Request, out request);
        if (request is null || !request.TryTake(header.Type, body, out bool isLast))
            return false;
        if (isLast)
            Remove(header.Request);
        return true;
    }

    /// <summary>Ends all requests, and those that come later.</summary>
    internal void FailAll(VmPodException why)
    {
        PendingRequest[] waiting;
        lock (pending)
        {
            fault = why;
            waiting = [.. pending.Values];
            pending.Clear();
        }
        foreach (PendingRequest request in waiting)
            request.Fail(why);
        ended.Cancel();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ended.Dispose();
        places.Dispose();
    }

    private uint Enter(PendingRequest request)
    {
        lock (pending)
        {
            ThrowIfEnded();
            do
                last = unchecked(last + 1);
            while (last == 0 || pending.ContainsKey(last));
            pending.Add(last, request);
            return last;
        }
    }

    private void ThrowIfEnded()
    {
        if (fault is { } why)
            throw WireFault.Again(why);
    }
}
