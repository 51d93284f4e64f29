namespace VmPod.Benchmarks.Suspend;

/// <summary>A line through points by least squares: y = Start + Slope x.</summary>
internal readonly record struct LineFit(double Start, double Slope)
{
    /// <summary>Fits one through at least two different x.</summary>
    public static LineFit Of(IReadOnlyList<(double X, double Y)> points)
    {
        double meanX = points.Average(p => p.X), meanY = points.Average(p => p.Y);
        double slope = points.Sum(p => (p.X - meanX) * (p.Y - meanY)) / points.Sum(p => (p.X - meanX) * (p.X - meanX));
        return new LineFit(meanY - slope * meanX, slope);
    }

    /// <summary>The line's y.</summary>
    public double At(double x) => Start + Slope * x;
}
