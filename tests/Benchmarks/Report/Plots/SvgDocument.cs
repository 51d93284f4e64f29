namespace VmPod.Benchmarks.Report.Plots;

/// <summary>A report's picture: its plots, one below the other.</summary>
internal static class SvgDocument
{
    private const double Top = 16, Gap = 26;

    /// <summary>Draws them.</summary>
    public static string Of(string name, IReadOnlyList<Plot> plots)
    {
        var canvas = new SvgCanvas();
        double y = Top;
        foreach (Plot plot in plots)
            y = plot.Draw(canvas, y) + Gap;
        return canvas.ToSvg($"vmpod bench {name}", y - Gap + Top);
    }
}
