using System.Diagnostics;

namespace VmPod.Testing;

/// <summary>Bytes on their way in one direction: each can be taken a fixed time after it was put in, in order, at whatever rate. One thread puts, one
/// takes.</summary>
/// <param name="delay">That time.</param>
/// <param name="capacity">The most bytes under way. Who puts in more waits: no rate is limited as long as this is more than rate * delay.</param>
public sealed class DelayLine(TimeSpan delay, int capacity)
{
    // Small writes cost an entry each: as many as bytes of a quarter of a usual segment.
    private const int BytesOfOneMark = 256;

    private readonly byte[] ring = new byte[capacity];
    private readonly Queue<(int Bytes, long Due)> marks = new();
    private readonly object gate = new();
    private int head, held;
    private int takenOfFirst;
    private bool isBroken;

    /// <summary>Puts bytes in; waits while there is no room.</summary>
    /// <returns>False if nobody takes any more.</returns>
    public bool Put(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            lock (gate)
            {
                while (!isBroken && (held == ring.Length || marks.Count > ring.Length / BytesOfOneMark))
                    _ = Monitor.Wait(gate);
                if (isBroken)
                    return false;
                int take = Math.Min(bytes.Length, ring.Length - held), tail = (int)((head + (long)held) % ring.Length);
                int first = Math.Min(take, ring.Length - tail);
                bytes[..first].CopyTo(ring.AsSpan(tail));
                bytes[first..take].CopyTo(ring);
                held += take;
                marks.Enqueue((take, Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency)));
                bytes = bytes[take..];
                Monitor.PulseAll(gate);
            }
        }
        return true;
    }

    /// <summary>Nothing more comes; what is under way arrives, and then the end, as late as everything else.</summary>
    public void Complete()
    {
        lock (gate)
        {
            marks.Enqueue((0, Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency)));
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Nothing is taken any more: who waits is woken.</summary>
    public void Break()
    {
        lock (gate)
        {
            isBroken = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Takes what has arrived; waits for it.</summary>
    /// <returns>How many bytes; 0 at the end.</returns>
    public int Take(Span<byte> into)
    {
        while (true)
        {
            TimeSpan wait;
            lock (gate)
            {
                while (!isBroken && marks.Count == 0)
                    _ = Monitor.Wait(gate);
                if (isBroken)
                    return 0;
                // Compared in the clock's own unit: a TimeSpan is coarser, and what is not quite due would be taken for the end.
                long now = Stopwatch.GetTimestamp(), due = marks.Peek().Due;
                if (due <= now)
                    return TakeDue(into, now);
                wait = Stopwatch.GetElapsedTime(now, due);
            }
            // Without the lock: nothing that comes in meanwhile can be due earlier.
            Thread.Sleep(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)));
        }
    }

    // All that is due and fits. The caller holds the lock.
    private int TakeDue(Span<byte> into, long now)
    {
        int took = 0;
        while (took < into.Length && marks.TryPeek(out (int Bytes, long Due) mark) && mark.Due <= now)
        {
            if (mark.Bytes == 0)
                break;      // the end: taken alone, and never removed
            int take = Math.Min(mark.Bytes - takenOfFirst, into.Length - took), first = Math.Min(take, ring.Length - head);
            ring.AsSpan(head, first).CopyTo(into[took..]);
            ring.AsSpan(0, take - first).CopyTo(into[(took + first)..]);
            head = (int)((head + (long)take) % ring.Length);
            held -= take;
            took += take;
            takenOfFirst += take;
            if (takenOfFirst < mark.Bytes)
                break;
            _ = marks.Dequeue();
            takenOfFirst = 0;
        }
        Monitor.PulseAll(gate);
        return took;
    }
}
