namespace VmPod.HostGuard.Session;

/// <summary>
/// Measures how far the pod is behind the machine's disks: the time from a write to its being durable on the pod, and the rate at which commits get there.
/// Thread-safe.
/// </summary>
internal sealed class SyncMeter(TimeProvider time)
{
    // Weight of the newest commit: the link of the last minute counts, not one hiccup.
    private const double Newest = 0.3;

    // Commits of less than this tell of latency, not of rate.
    private const long RatedBytesMin = 256 * 1024;

    // Rule 10: a tip is committed when a cell is full. Not oftener than this, or a busy disk would fsync all the time.
    private static readonly TimeSpan PauseMin = TimeSpan.FromSeconds(5);

    // Rule 10: what the disk wrote is on its way by then, however slow the link is.
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private long? dirtySince;
    private double? lag, lagMax, bytesPerSecond;
    private TimeSpan pause = PauseMin;

    /// <summary>Seconds from the first write after the commit before it to the newest commit being durable; null before the first.</summary>
    public double? LagSeconds => Look(() => lag);

    /// <summary>The longest such time.</summary>
    public double? LagMaxSeconds => Look(() => lagMax);

    /// <summary>Seconds since the oldest write that is in no commit; 0 if there is none.</summary>
    public double UnsyncedSeconds => Look(() => dirtySince is { } since ? time.GetElapsedTime(since).TotalSeconds : 0);

    /// <summary>Bytes of cells a second, as measured; null before there was enough to measure.</summary>
    public double? BytesPerSecond => Look(() => bytesPerSecond);

    /// <summary>How long live sync leaves the link to others after its newest commit (H-154): as long as that commit took, so that it has half of a slow link
    /// at most, and what the disk writes again meanwhile goes once.</summary>
    public TimeSpan Pause => Look(() => pause);

    /// <summary>The machine wrote to a disk.</summary>
    public void NoteWrite()
    {
        lock (gate)
            dirtySince ??= time.GetTimestamp();
    }

    /// <summary>A commit takes all that was written so far; says since when that waits, and begins anew.</summary>
    public Taken Switched()
    {
        lock (gate)
        {
            var taken = new Taken(dirtySince, time.GetTimestamp());
            dirtySince = null;
            return taken;
        }
    }

    /// <summary>That commit is durable on the pod.</summary>
    public void Durable(Taken taken, long bytes)
    {
        lock (gate)
        {
            if (taken.Since is { } since)
            {
                lag = time.GetElapsedTime(since).TotalSeconds;
                lagMax = Math.Max(lagMax ?? 0, lag.Value);
            }
            TimeSpan took = time.GetElapsedTime(taken.At);
            pause = took < PauseMin ? PauseMin : took > PauseMax ? PauseMax : took;
            if (bytes >= RatedBytesMin && took > TimeSpan.Zero)
            {
                double rate = bytes / took.TotalSeconds;
                bytesPerSecond = bytesPerSecond is { } before ? before + Newest * (rate - before) : rate;
            }
        }
    }

    /// <summary>That commit failed: what it took waits still.</summary>
    public void Failed(Taken taken)
    {
        lock (gate)
            dirtySince = taken.Since ?? dirtySince;
    }

    private T Look<T>(Func<T> look)
    {
        lock (gate)
            return look();
    }

    /// <summary>What a commit took.</summary>
    /// <param name="Since">A timestamp: its oldest write; null if there was none.</param>
    /// <param name="At">When it was taken.</param>
    public readonly record struct Taken(long? Since, long At);
}
