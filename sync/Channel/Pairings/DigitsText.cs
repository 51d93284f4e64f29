using System.Globalization;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>Digits as they are shown.</summary>
public static class DigitsText
{
    /// <summary>Six digits with a blank in the middle, "042 137".</summary>
    public static string Of(int digits) => string.Create(CultureInfo.InvariantCulture, $"{digits / 1000:D3} {digits % 1000:D3}");
}
