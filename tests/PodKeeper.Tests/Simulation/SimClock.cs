namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>A clock that stands until the world moves it. Its timers are called by who moves it.</summary>
internal sealed class SimClock : TimeProvider
{
    private readonly List<Alarm> alarms = [];
    private long now = TimeSpan.TicksPerHour;
    private DateTimeOffset wall = new(2026, 1, 5, 0, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => now;

    public override DateTimeOffset GetUtcNow() => wall;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var alarm = new Alarm(this, () => callback(state));
        alarm.Change(dueTime, period);
        alarms.Add(alarm);
        return alarm;
    }

    /// <summary>A while passes.</summary>
    internal void Advance(TimeSpan by)
    {
        long end = now + by.Ticks;
        while (alarms.Where(a => a.Due <= end).MinBy(a => a.Due) is { } next)
        {
            long step = Math.Max(0, next.Due - now);
            (now, wall) = (now + step, wall + TimeSpan.FromTicks(step));
            next.Ring();
        }
        wall += TimeSpan.FromTicks(end - now);
        now = end;
    }

    /// <summary>Somebody sets the wall clock, forward or back; no time passes.</summary>
    internal void Jump(TimeSpan by) => wall += by;

    private sealed class Alarm(SimClock clock, Action ring) : ITimer
    {
        private long every;

        internal long Due { get; private set; }

        internal void Ring()
        {
            Due = every > 0 ? Due + every : long.MaxValue;
            ring();
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Due = dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : clock.now + dueTime.Ticks;
            every = period.Ticks;
            return true;
        }

        public void Dispose() => clock.alarms.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
