using System.Globalization;

namespace VmPod.PodKeeper.Tests;

/// <summary>How much of what could be tried is tried: VMPOD_SOAK=50 takes fifty times as much, and all there is where that is less.</summary>
internal static class Soak
{
    internal static int Rounds { get; } = int.Parse(Environment.GetEnvironmentVariable("VMPOD_SOAK") ?? "1", CultureInfo.InvariantCulture);

    /// <summary>The step of a walk over everything: 1 with VMPOD_SOAK of at least this.</summary>
    internal static int Step(int step) => Math.Max(1, step / Rounds);
}
