using VmPod.Vault.Format;

namespace VmPod.HostGuard.Session;

/// <summary>
/// Chunks of disks that were written in part, whose rest is still on the pod alone. The rest is fetched while the pod is here, because without it such a
/// chunk cannot be sealed when the pod is gone; a FLUSH waits for it, so that what the guest was told is safe can always be sealed.
/// </summary>
/// <remarks>A chunk is fetched once: from then on its cells are on this host (<see cref="Pods.FetchedCells"/>). Thread-safe.</remarks>
internal sealed class HalfWritten
{
    private readonly object gate = new();
    private readonly HashSet<(uint Stream, long Offset)> known = [];
    private readonly Queue<(uint Stream, long Offset)> waiting = new();
    private long noted, fetched;
    private bool isEnded;

    /// <summary>Notes what a write touched in part. Cheap for chunks that are known.</summary>
    public void Note(uint stream, long offset, int length)
    {
        foreach (long edge in (ReadOnlySpan<long>)[offset, offset + length])
        {
            if (edge % FormatLimits.ChunkBytes == 0)
                continue;
            (uint, long) chunk = (stream, edge - edge % FormatLimits.ChunkBytes);
            lock (gate)
            {
                if (isEnded || !known.Add(chunk))
                    continue;
                waiting.Enqueue(chunk);
                noted++;
                Monitor.PulseAll(gate);
            }
        }
    }

    /// <summary>Waits for the next chunk to fetch. False at the end. For one thread: it calls <see cref="Done"/> before the next.</summary>
    public bool TryTake(out (uint Stream, long Offset) chunk)
    {
        lock (gate)
        {
            while (!isEnded && waiting.Count == 0)
                _ = Monitor.Wait(gate);
            return waiting.TryDequeue(out chunk) && !isEnded;
        }
    }

    /// <summary>The chunk that was taken is here.</summary>
    public void Done()
    {
        lock (gate)
        {
            fetched++;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Returns when all that was noted before is here, or at the end.</summary>
    public void WaitForAll()
    {
        lock (gate)
        {
            long until = noted;
            while (!isEnded && fetched < until)
                _ = Monitor.Wait(gate);
        }
    }

    /// <summary>Nobody waits any more.</summary>
    public void End()
    {
        lock (gate)
        {
            isEnded = true;
            Monitor.PulseAll(gate);
        }
    }
}
