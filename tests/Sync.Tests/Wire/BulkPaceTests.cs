using System.Diagnostics;
using VmPod.Sync.Wire;
using Xunit;

namespace VmPod.Sync.Tests.Wire;

/// <summary>What a side sends is held to a rate (S-87).</summary>
public sealed class BulkPaceTests
{
    private const long Rate = WireLimits.BulkRateMin;

    [Fact]
    [Trait("Spec", "S-87")]
    public void Bulk_waits_for_what_was_sent_before_it_and_nothing_is_saved_up()
    {
        var time = new FrozenTime();
        var pace = new BulkPace(Rate, time);
        Assert.Equal(TimeSpan.Zero, pace.Wait);
        pace.Took((int)Rate / 10, urgent: false);
        Assert.Equal(0.1, pace.Wait.TotalSeconds, 6);
        time.Pass(TimeSpan.FromSeconds(0.04));
        Assert.Equal(0.06, pace.Wait.TotalSeconds, 6);
        time.Pass(TimeSpan.FromSeconds(60));
        Assert.Equal(TimeSpan.Zero, pace.Wait);
        pace.Took((int)Rate / 10, urgent: false);
        Assert.Equal(0.1, pace.Wait.TotalSeconds, 6);
    }

    [Fact]
    [Trait("Spec", "S-87")]
    public void Urgent_frames_count_but_keep_bulk_away_for_a_second_at_most()
    {
        var time = new FrozenTime();
        var pace = new BulkPace(Rate, time);
        pace.Took((int)Rate / 2, urgent: true);
        Assert.Equal(0.5, pace.Wait.TotalSeconds, 6);
        for (int i = 0; i < 10; i++)
            pace.Took((int)Rate, urgent: true);
        Assert.Equal(1, pace.Wait.TotalSeconds, 6);
        // A bulk frame of more than a second is paid for in full, also if an urgent one comes after it.
        time.Pass(TimeSpan.FromSeconds(1));
        pace.Took((int)Rate * 3, urgent: false);
        pace.Took((int)Rate, urgent: true);
        Assert.Equal(3, pace.Wait.TotalSeconds, 6);
    }

    [Fact]
    [Trait("Spec", "S-87")]
    public void A_link_with_a_rate_keeps_to_it_and_what_is_urgent_overtakes_what_waits()
    {
        const int Puts = 60;
        (long Bytes, TimeSpan Within) Sent(long? rate)
        {
            using var pair = new LinkPair(hostRate: rate);
            var watch = Stopwatch.StartNew();
            for (int i = 0; i < Puts; i++)
                _ = pair.Host.PutCell(new byte[WireCases.CellBytes]);
            if (rate is null)
                Assert.Equal(Puts, pair.Host.Flush(LinkPair.Soon));
            else
                pair.MustAnswer();
            return ((long)pair.Pod.Put.Count * WireCases.CellBytes, watch.Elapsed);
        }
        // Without a rate all of it goes at once; with one, a request is answered while most of it waits.
        Assert.Equal((long)Puts * WireCases.CellBytes, Sent(null).Bytes);
        (long bytes, TimeSpan within) = Sent(Rate);
        Assert.True(bytes <= Rate * within.TotalSeconds + 2 * WireCases.CellBytes, $"{bytes} bytes in {within.TotalSeconds} s");
    }

    [Fact]
    [Trait("Spec", "S-87")]
    public void A_rate_that_is_too_low_for_what_may_wait_on_a_link_is_a_mistake() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new LinkPair(hostRate: Rate - 1).Dispose());

    private sealed class FrozenTime : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => ticks;

        internal void Pass(TimeSpan by) => ticks += by.Ticks;
    }
}
