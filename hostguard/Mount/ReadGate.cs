namespace VmPod.HostGuard.Mount;

/// <summary>
/// Keeps one serving thread free of reads. Reads may wait without bound (a fault on a page whose link is gone); if they took all threads,
/// the writeback of guest RAM would wait behind them and the work could not be saved. A read that would take the last thread is queued
/// here and answered by the next thread that is done with another read. The queue is bounded by what the kernel has outstanding.
/// </summary>
internal sealed class ReadGate(int concurrentReadsMax)
{
    private readonly Lock gate = new();
    private readonly Queue<PendingRead> waiting = new(MountLimits.BackgroundRequestsMax);
    private int running;

    /// <summary>True: the caller serves the read now, then calls <see cref="TryNext"/> until it is false. False: the gate has taken
    /// it.</summary>
    internal bool TryEnter(PendingRead read)
    {
        lock (gate)
        {
            if (running < concurrentReadsMax)
            {
                running++;
                return true;
            }
            waiting.Enqueue(read);
            return false;
        }
    }

    /// <summary>The caller's next read, or false: it has left.</summary>
    internal bool TryNext(out PendingRead read)
    {
        lock (gate)
        {
            if (waiting.TryDequeue(out read))
                return true;
            running--;
            return false;
        }
    }

    /// <summary>What is still queued after all serving threads have ended, so that it can be answered and freed.</summary>
    internal IReadOnlyList<PendingRead> Drain()
    {
        lock (gate)
        {
            PendingRead[] left = [.. waiting];
            waiting.Clear();
            return left;
        }
    }
}
