using System.Globalization;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>How often the crash tests kill, and what they say of it.</summary>
internal static class SoakRounds
{
    // Enough to catch a broken order on a usual day; VMPOD_SOAK=200 is the bar of rule 6.
    private const int Usual = 2;

    /// <summary>Rounds of each crash test: the variable VMPOD_SOAK, or two.</summary>
    public static int Count { get; } = int.TryParse(Environment.GetEnvironmentVariable("VMPOD_SOAK"), CultureInfo.InvariantCulture, out int rounds)
        ? rounds : Usual;

    /// <summary>A line for whoever watches a soak (-showLiveOutput).</summary>
    public static void Say(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);
}
