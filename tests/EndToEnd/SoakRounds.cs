using System.Globalization;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>How often the crash tests kill, and what they say of it.</summary>
internal static class SoakRounds
{
    // Enough to catch a broken order on a usual day; VMPOD_SOAK=200 is the bar of rule 6.
    private const int Usual = 2;

    /// <summary>Rounds of a crash test: the variable VMPOD_SOAK, or two.</summary>
    public static int Count { get; } = Of(Usual);

    /// <summary>The variable VMPOD_SOAK, or so many.</summary>
    public static int Of(int usual) => int.TryParse(Environment.GetEnvironmentVariable("VMPOD_SOAK"), CultureInfo.InvariantCulture, out int rounds)
        ? rounds : usual;

    /// <summary>A line for whoever watches a soak (-showLiveOutput).</summary>
    public static void Say(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);
}
