namespace VmPod.Sync.Tests.Channel;

/// <summary>A clock that a test sets. Elapsed time is real unless <see cref="Pass"/> is called.</summary>
internal sealed class ManualTime : TimeProvider
{
    private long skipped;

    internal DateTimeOffset Now { get; set; } = new(2026, 3, 14, 15, 9, 26, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => Now;

    public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref skipped);

    /// <summary>Both clocks go on by this much.</summary>
    internal void Pass(TimeSpan time)
    {
        Now += time;
        Interlocked.Add(ref skipped, time.Ticks * TimestampFrequency / TimeSpan.TicksPerSecond);
    }
}
