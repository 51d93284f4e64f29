namespace VmPod.HostGuard.Pods;

/// <summary>When something that fails is tried again: at most once a second, and after each failure in twice the time, up to a minute.</summary>
internal sealed class TryTimer
{
    /// <summary>Between two tries at least, and after the first failure.</summary>
    public static readonly TimeSpan EveryMin = TimeSpan.FromSeconds(1);

    /// <summary>Between two tries at most: a pod that was full or in use is met again soon after.</summary>
    public static readonly TimeSpan EveryMax = TimeSpan.FromMinutes(1);

    private TimeSpan? last;
    private TimeSpan wait = EveryMin;

    /// <summary>True if a try may begin; it then has begun.</summary>
    public bool TryBegin(TimeSpan now)
    {
        if (last is { } before && now - before < wait)
            return false;
        last = now;
        return true;
    }

    /// <summary>It failed.</summary>
    public void Failed() => wait = wait * 2 < EveryMax ? wait * 2 : EveryMax;

    /// <summary>It went well, or things are otherwise now: a link came up, the pod is back. Once a second stays.</summary>
    public void Reset() => wait = EveryMin;
}
