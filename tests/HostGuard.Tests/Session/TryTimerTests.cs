using VmPod.HostGuard.Pods;
using Xunit;

namespace VmPod.HostGuard.Tests.Session;

/// <summary>When hostguard watch tries again what failed.</summary>
public sealed class TryTimerTests
{
    [Fact]
    [Trait("Spec", "S-119")]
    public void What_fails_is_tried_again_after_two_four_eight_seconds_up_to_a_minute()
    {
        var timer = new TryTimer();
        List<double> begun = Tries(timer, seconds: 300, after: t => t.Failed());
        Assert.Equal([0, 2, 6, 14, 30, 62, 122, 182, 242], begun);
        timer.Reset();
        Assert.True(timer.TryBegin(TimeSpan.FromSeconds(300)));
    }

    [Fact]
    [Trait("Spec", "S-119")]
    public void A_link_that_flaps_makes_no_more_than_one_try_a_second()
    {
        var timer = new TryTimer();
        Assert.Equal(10, Tries(timer, seconds: 10, after: t =>
        {
            t.Failed();
            t.Reset();
        }).Count);
    }

    // Asked every ten milliseconds.
    private static List<double> Tries(TryTimer timer, int seconds, Action<TryTimer> after)
    {
        var begun = new List<double>();
        for (int ms = 0; ms < seconds * 1000; ms += 10)
        {
            if (!timer.TryBegin(TimeSpan.FromMilliseconds(ms)))
                continue;
            begun.Add(ms / 1000.0);
            after(timer);
        }
        return begun;
    }
}
