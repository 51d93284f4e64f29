namespace VmPod.Benchmarks.Report.Plots;

/// <summary>A linear axis from 0 with ticks at round numbers.</summary>
internal sealed class AxisScale
{
    private readonly double start, length, end;

    /// <summary>An axis on which <paramref name="most"/> has its place.</summary>
    /// <param name="most">The largest value shown.</param>
    /// <param name="start">Pixel of 0.</param>
    /// <param name="length">Pixels of the whole; negative if it goes up.</param>
    public AxisScale(double most, double start, double length)
    {
        (this.start, this.length) = (start, length);
        double wanted = most > 0 && double.IsFinite(most) ? most : 1;
        double rough = wanted / 6, power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = new[] { 1.0, 2, 5, 10 }.First(s => s * power >= rough * 0.999) * power;
        // Counted in whole steps: adding steps up would not give round numbers.
        int steps = (int)Math.Ceiling(wanted / step - 1e-9);
        end = steps * step;
        Ticks = [.. Enumerable.Range(0, steps + 1).Select(i => i * step)];
        int digits = Math.Clamp((int)Math.Ceiling(-Math.Log10(step) - 1e-9), 0, 6);
        Format = digits == 0 ? "0" : "0." + new string('0', digits);
    }

    /// <summary>Values at which a tick stands.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>How ticks are written.</summary>
    public string Format { get; }

    /// <summary>The pixel of a value.</summary>
    public double At(double value) => start + value / end * length;
}
