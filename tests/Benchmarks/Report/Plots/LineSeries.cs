namespace VmPod.Benchmarks.Report.Plots;

/// <summary>Points of a <see cref="LinePlot"/>.</summary>
/// <param name="Name">For the legend.</param>
/// <param name="Points">By rising x.</param>
/// <param name="ColourIndex">Which colour of the palette.</param>
/// <param name="IsMeasured">Points with their values, joined; otherwise a dashed line through them (a fit, a target).</param>
internal sealed record LineSeries(string Name, IReadOnlyList<(double X, double Y)> Points, int ColourIndex, bool IsMeasured = true);
