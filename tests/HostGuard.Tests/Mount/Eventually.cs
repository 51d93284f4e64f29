using System.Diagnostics;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>Waits for what another process or thread brings about, with a bound.</summary>
internal static class Eventually
{
    internal static void True(Func<bool> condition, string what, int seconds = 120)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (clock.Elapsed.TotalSeconds > seconds)
                throw new TimeoutException("It did not come about: " + what);
            Thread.Sleep(5);
        }
    }
}
