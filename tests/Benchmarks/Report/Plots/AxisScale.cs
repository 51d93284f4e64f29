using System.Globalization;

namespace VmPod.Benchmarks.Report.Plots;

/// <summary>An axis with ticks at round numbers: linear from 0, or logarithmic.</summary>
internal sealed class AxisScale
{
    private const int TicksWanted = 6, DigitsMax = 6;

    private readonly double start, length, first, last;
    private readonly bool isLogarithmic;
    private readonly string format = "0.######";

    private AxisScale(double start, double length, IReadOnlyList<double> ticks, bool isLogarithmic)
    {
        (this.start, this.length, this.isLogarithmic, Ticks) = (start, length, isLogarithmic, ticks);
        (first, last) = (ticks[0], ticks[^1]);
        if (!isLogarithmic)
        {
            int digits = Math.Clamp((int)Math.Ceiling(-Math.Log10(ticks[1]) - 1e-9), 0, DigitsMax);
            format = digits == 0 ? "0" : "0." + new string('0', digits);
        }
    }

    /// <summary>Values at which a tick stands.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>A linear axis from 0 on which <paramref name="most"/> has its place.</summary>
    /// <param name="most">The largest value shown.</param>
    /// <param name="start">Pixel of 0.</param>
    /// <param name="length">Pixels of the whole; negative if it goes up.</param>
    public static AxisScale Linear(double most, double start, double length)
    {
        double wanted = most > 0 && double.IsFinite(most) ? most : 1;
        double rough = wanted / TicksWanted, power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = new[] { 1.0, 2, 5, 10 }.First(s => s * power >= rough * 0.999) * power;
        // Counted in whole steps: adding steps up would not give round numbers.
        int steps = (int)Math.Ceiling(wanted / step - 1e-9);
        return new AxisScale(start, length, [.. Enumerable.Range(0, steps + 1).Select(i => i * step)], isLogarithmic: false);
    }

    /// <summary>A logarithmic axis with ticks at 1, 2 and 5 of each power of ten, on which all of some positive values have their place.</summary>
    /// <param name="least">The smallest of them.</param>
    /// <param name="most">The largest.</param>
    /// <param name="start">Pixel of the first tick.</param>
    /// <param name="length">Pixels of the whole; negative if it goes up.</param>
    public static AxisScale Logarithmic(double least, double most, double start, double length)
    {
        int low = (int)Math.Floor(Math.Log10(least)), high = (int)Math.Ceiling(Math.Log10(most));
        List<double> round = [.. Enumerable.Range(low, high - low + 1).SelectMany(p => new[] { 1, 2, 5 }.Select(s => s * Math.Pow(10, p)))];
        double first = round.Last(t => t <= least * 1.001), last = round.First(t => t >= most * 0.999);
        return new AxisScale(start, length, [.. round.Where(t => t >= first && t <= last)], isLogarithmic: true);
    }

    /// <summary>The pixel of a value.</summary>
    public double At(double value) => start + length * (isLogarithmic ? Math.Log(value / first) / Math.Log(last / first) : (value - first) / (last - first));

    /// <summary>How a tick is written.</summary>
    public string Text(double tick) => tick.ToString(format, CultureInfo.InvariantCulture);
}
