namespace VmPod.Sync.Wire;

/// <summary>Bytes of ids that all links of a pod together hold for their next commits, beyond what is each link's own. Thread-safe.</summary>
/// <remarks>
/// Each link has <see cref="WireLimits.OwnIdBytes"/> that no other can take from it, so that peers who collect ids for ever keep nobody from a usual commit.
/// </remarks>
/// <param name="bytesMax">The bound of what is shared.</param>
public sealed class IdBudget(long bytesMax)
{
    private long taken;

    /// <summary>Bytes that are taken.</summary>
    public long Taken => Volatile.Read(ref taken);

    /// <summary>Held while a commit's ids are joined and worked off: they stand twice in memory then, of one link at a time.</summary>
    internal Lock Joining { get; } = new();

    /// <summary>Takes some; false, and nothing is taken, if that would be too much.</summary>
    internal bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref taken, bytes) <= bytesMax)
            return true;
        Give(bytes);
        return false;
    }

    /// <summary>Gives some back.</summary>
    internal void Give(long bytes) => Interlocked.Add(ref taken, -bytes);
}
