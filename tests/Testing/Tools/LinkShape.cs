using System.Globalization;

namespace VmPod.Testing;

/// <summary>What a <see cref="ShapedLink"/> is like.</summary>
/// <param name="Mbit">Rate in each direction, in Mbit/s; null for as fast as the machine is.</param>
/// <param name="DelayMs">Milliseconds that each byte takes in each direction: a round trip is two of them.</param>
public sealed record LinkShape(int? Mbit, int DelayMs)
{
    /// <summary>As fast and as near as the machine is.</summary>
    public static LinkShape Unshaped { get; } = new(null, 0);

    /// <summary>Bytes a second; infinite if nothing limits them.</summary>
    public double BytesPerSecond => Mbit is { } mbit ? mbit * 1e6 / 8 : double.PositiveInfinity;

    /// <summary>Seconds of a round trip.</summary>
    public double RoundTripS => 2 * DelayMs / 1000.0;

    /// <inheritdoc/>
    public override string ToString() => Mbit is { } mbit ? string.Create(CultureInfo.InvariantCulture, $"{mbit} Mbit/s, {DelayMs} ms") : "no limit, 0 ms";
}
