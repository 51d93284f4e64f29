using System.Globalization;

namespace VmPod.Sync.Tests.Rsync;

/// <summary>How much of what could be tried is tried: VMPOD_SOAK=20 takes twenty times as much.</summary>
internal static class Soak
{
    internal static int Rounds { get; } = int.Parse(Environment.GetEnvironmentVariable("VMPOD_SOAK") ?? "1", CultureInfo.InvariantCulture);
}
