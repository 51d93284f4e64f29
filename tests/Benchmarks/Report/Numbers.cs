using System.Globalization;

namespace VmPod.Benchmarks.Report;

/// <summary>How measurements are printed, in tables and plots alike.</summary>
internal static class Numbers
{
    /// <summary>With three digits that mean something; no more were measured.</summary>
    public static string Text(double number) => Math.Abs(number) switch
    {
        >= 100 => number.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => number.ToString("0.0", CultureInfo.InvariantCulture),
        >= 1 => number.ToString("0.00", CultureInfo.InvariantCulture),
        0 => "0",
        _ => number.ToString("0.000", CultureInfo.InvariantCulture),
    };
}
