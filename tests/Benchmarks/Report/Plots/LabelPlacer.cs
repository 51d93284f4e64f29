namespace VmPod.Benchmarks.Report.Plots;

/// <summary>Finds places for the values of points, near to each and on none of the others.</summary>
internal sealed class LabelPlacer(double left, double top, double right, double bottom)
{
    private const double PointRadius = 4, Near = 8;
    private const int StepsMax = 12;

    private readonly List<(double Left, double Top, double Right, double Bottom)> taken = [];

    /// <summary>Keeps the place of a point free.</summary>
    public void Keep(double x, double y) => taken.Add((x - PointRadius, y - PointRadius, x + PointRadius, y + PointRadius));

    /// <summary>The place of a text for a point: its left end and base line. The nearest free one; above the point if there is none.</summary>
    public (double X, double Line) Place(double x, double y, double width)
    {
        for (int step = 0; step < StepsMax; step++)
        {
            double away = Near + step * SvgCanvas.LineHeight / 2;
            (double X, double Line)[] candidates =
            [
                (x - width / 2, y - away), (x + away, y + 4), (x - width / 2, y + away + 10), (x - away - width, y + 4),
                (x + away, y - away), (x + away, y + away + 8),
            ];
            foreach ((double at, double line) in candidates)
            {
                (double Left, double Top, double Right, double Bottom) box = (at - 1, line - SvgCanvas.LineHeight + 3, at + width + 1, line + 3);
                if (box.Left < left || box.Right > right || box.Top < top || box.Bottom > bottom || taken.Exists(t => Overlap(t, box)))
                    continue;
                taken.Add(box);
                return (at, line);
            }
        }
        return (x - width / 2, y - Near);
    }

    private static bool Overlap((double Left, double Top, double Right, double Bottom) a, (double Left, double Top, double Right, double Bottom) b) =>
        a.Left < b.Right && b.Left < a.Right && a.Top < b.Bottom && b.Top < a.Bottom;
}
