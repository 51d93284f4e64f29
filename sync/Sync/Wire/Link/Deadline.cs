namespace VmPod.Sync.Wire;

/// <summary>How long something may still take. The default has no end. Real time: it bounds a thread's wait.</summary>
internal readonly struct Deadline(TimeSpan time)
{
    private readonly long endsAt = time == Timeout.InfiniteTimeSpan ? 0 : Environment.TickCount64 + Math.Max(1, (long)time.TotalMilliseconds);

    /// <summary>The time that was given.</summary>
    internal TimeSpan Time { get; } = time;

    /// <summary>What is left; zero if it is over, infinite if there is no end.</summary>
    internal TimeSpan Remaining => endsAt == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Max(0, endsAt - Environment.TickCount64));

    internal bool IsOver => endsAt != 0 && Environment.TickCount64 >= endsAt;
}
