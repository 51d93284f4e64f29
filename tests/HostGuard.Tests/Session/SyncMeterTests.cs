using VmPod.HostGuard.Session;
using Xunit;

namespace VmPod.HostGuard.Tests.Session;

/// <summary>What live sync measures, and how that paces it.</summary>
public sealed class SyncMeterTests
{
    private readonly HandClock clock = new();
    private readonly SyncMeter meter;

    public SyncMeterTests() => meter = new SyncMeter(clock);

    [Theory]
    [InlineData(0.2, 5)]
    [InlineData(5, 5)]
    [InlineData(12, 12)]
    [InlineData(29, 29)]
    [InlineData(120, 30)]
    [Trait("Spec", "H-154")]
    public void A_link_is_left_to_others_for_as_long_as_the_newest_commit_had_it(double took, double pause)
    {
        Commit(took, 1 << 20);
        Assert.Equal(TimeSpan.FromSeconds(pause), meter.Pause);
    }

    [Fact]
    [Trait("Spec", "H-154")]
    public void On_a_slow_link_live_sync_has_half_of_the_time_at_most()
    {
        // A disk that changes always, and a link that takes 20 s for each commit: as SessionHost does it, a commit and then the pause.
        double busy = 0, all = 0;
        while (all < 600)
        {
            Commit(20, 20 << 20);
            busy += 20;
            all += 20 + meter.Pause.TotalSeconds;
        }
        Assert.InRange(busy / all, 0.4, 0.5);
        // As a commit every five seconds would have it, whatever the link is.
        Assert.True(20.0 / (20 + 5) > 0.5);
    }

    [Fact]
    [Trait("Spec", "H-154")]
    public void A_link_that_becomes_quick_again_is_used_so()
    {
        Commit(25, 1 << 20);
        Commit(1, 1 << 20);
        Assert.Equal(TimeSpan.FromSeconds(5), meter.Pause);
    }

    [Fact]
    [Trait("Spec", "H-154")]
    public void The_rate_is_that_of_the_newest_commits_and_small_ones_do_not_count()
    {
        Assert.Null(meter.BytesPerSecond);
        Commit(1, 1000);
        Assert.Null(meter.BytesPerSecond);
        Commit(2, 2 << 20);
        Assert.Equal(1 << 20, meter.BytesPerSecond!.Value, 1.0);
        for (int i = 0; i < 20; i++)
            Commit(4, 1 << 20);
        Assert.InRange(meter.BytesPerSecond.Value, 1 << 18, 1.01 * (1 << 18));
    }

    [Fact]
    [Trait("Spec", "H-154")]
    public void The_lag_counts_from_the_oldest_write_and_a_commit_that_failed_does_not_reset_it()
    {
        meter.NoteWrite();
        clock.Pass(3);
        SyncMeter.Taken taken = meter.Switched();
        clock.Pass(2);
        meter.Failed(taken);
        Assert.Equal(5, meter.UnsyncedSeconds, 1e-6);
        taken = meter.Switched();
        Assert.Equal(0, meter.UnsyncedSeconds);
        clock.Pass(1);
        meter.Durable(taken, 1 << 20);
        Assert.Equal(6, meter.LagSeconds!.Value, 1e-6);
        Assert.Equal(6, meter.LagMaxSeconds!.Value, 1e-6);
    }

    private void Commit(double seconds, long bytes)
    {
        meter.NoteWrite();
        SyncMeter.Taken taken = meter.Switched();
        clock.Pass(seconds);
        meter.Durable(taken, bytes);
    }

    /// <summary>A clock that stands until a test lets time pass.</summary>
    private sealed class HandClock : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => ticks;

        public void Pass(double seconds) => ticks += TimeSpan.FromSeconds(seconds).Ticks;
    }
}
