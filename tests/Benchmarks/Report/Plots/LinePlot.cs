namespace VmPod.Benchmarks.Report.Plots;

/// <summary>Measured points with their values, lines through them, and dashed lines of fits and targets; on logarithmic axes, where small values have as
/// much room as large ones.</summary>
/// <param name="title">What is shown.</param>
/// <param name="xAxis">Name and unit of x, which is above 0.</param>
/// <param name="yAxis">Name and unit of y, which is above 0.</param>
internal sealed class LinePlot(string title, string xAxis, string yAxis) : Plot
{
    private const double Height = 300, AxisRoom = 64;

    private readonly List<LineSeries> all = [];

    /// <summary>Adds a series.</summary>
    public LinePlot Add(LineSeries series)
    {
        all.Add(series);
        return this;
    }

    /// <inheritdoc/>
    public override double Draw(SvgCanvas canvas, double top)
    {
        double y = DrawHead(canvas, top, title, all.Select(s => (s.Name, Colour(s.ColourIndex), !s.IsMeasured)));
        canvas.Text(Margin, y + 10, yAxis, TextStyle.Normal);
        y += 20;
        double left = Margin + AxisRoom, right = SvgCanvas.Width - Margin - 30, bottom = y + Height;
        List<(double X, double Y)> points = [.. all.SelectMany(s => s.Points)];
        AxisScale across = AxisScale.Logarithmic(points.Min(p => p.X), points.Max(p => p.X), left, right - left);
        AxisScale up = AxisScale.Logarithmic(points.Min(p => p.Y), points.Max(p => p.Y), bottom, -Height);
        foreach (double tick in up.Ticks)
        {
            canvas.Line(left, up.At(tick), right, up.At(tick), tick == up.Ticks[0] ? "#666666" : "#e2e2e2");
            canvas.Text(left - 8, up.At(tick) + 4, up.Text(tick), TextStyle.RightAligned);
        }
        foreach (double tick in across.Ticks)
        {
            canvas.Line(across.At(tick), y, across.At(tick), bottom, tick == across.Ticks[0] ? "#666666" : "#f0f0f0");
            canvas.Text(across.At(tick), bottom + 16, across.Text(tick), TextStyle.Centered);
        }
        canvas.Text((left + right) / 2, bottom + 34, xAxis, TextStyle.Centered);

        var labels = new LabelPlacer(left, y, right + 30, bottom);
        foreach (LineSeries series in all)
        {
            foreach (((double X, double Y) from, (double X, double Y) to) in series.Points.Zip(series.Points.Skip(1)))
            {
                canvas.Line(across.At(from.X), up.At(from.Y), across.At(to.X), up.At(to.Y), Colour(series.ColourIndex), series.IsMeasured ? 2 : 1.5,
                    dashed: !series.IsMeasured);
            }
        }
        foreach (LineSeries series in all.Where(s => s.IsMeasured))
        {
            foreach ((double px, double py) in series.Points)
            {
                canvas.Dot(across.At(px), up.At(py), Colour(series.ColourIndex));
                labels.Keep(across.At(px), up.At(py));
            }
        }
        // After all points are known: a value must not stand on another one's point.
        foreach (LineSeries series in all.Where(s => s.IsMeasured))
        {
            foreach ((double px, double py) in series.Points)
            {
                string text = Numbers.Text(py);
                (double x, double line) = labels.Place(across.At(px), up.At(py), SvgCanvas.WidthOf(text));
                canvas.Text(x, line, text, TextStyle.Normal, TextColour(series.ColourIndex));
            }
        }
        return bottom + 40;
    }
}
