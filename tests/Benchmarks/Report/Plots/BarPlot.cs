namespace VmPod.Benchmarks.Report.Plots;

/// <summary>Groups of lying bars, one bar for each series, with their values: names of any length have room, and nothing is turned.</summary>
/// <param name="title">What is shown.</param>
/// <param name="unit">Of the values.</param>
/// <param name="series">Names of the bars of a group.</param>
internal sealed class BarPlot(string title, string unit, params IReadOnlyList<string> series) : Plot
{
    private const double BarHeight = 14, GroupGap = 12, ValueGap = 5, ValueRoom = 70, NamesWidthMax = 320;

    private readonly List<(string Name, IReadOnlyList<double?> Values, double? Bound)> groups = [];

    /// <summary>Adds a group.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="values">A value for each series; null where there is none.</param>
    /// <param name="bound">A target that is marked across the group's bars.</param>
    public BarPlot Add(string name, IReadOnlyList<double?> values, double? bound = null)
    {
        if (values.Count != series.Count)
            throw new ArgumentException("A group has a value for each series.", nameof(values));
        groups.Add((name, values, bound));
        return this;
    }

    /// <inheritdoc/>
    public override double Draw(SvgCanvas canvas, double top)
    {
        bool hasBounds = groups.Any(g => g.Bound is not null);
        IEnumerable<(string, string, bool)> legend = series.Count > 1 ? series.Select((s, i) => (s, Colour(i), false)) : [];
        double y = DrawHead(canvas, top, $"{title}, {unit}", hasBounds ? legend.Append(("target", TargetColour, true)) : legend);

        double names = Math.Min(NamesWidthMax, groups.Max(g => SvgCanvas.WidthOf(g.Name))), left = Margin + names + 10;
        double most = groups.SelectMany(g => g.Values.Append(g.Bound)).Max(v => v is { } value && double.IsFinite(value) ? value : 0);
        var axis = AxisScale.Linear(most, left, SvgCanvas.Width - Margin - ValueRoom - left);
        double groupHeight = series.Count * BarHeight, bottom = y + groups.Count * (groupHeight + GroupGap);
        foreach (double tick in axis.Ticks)
        {
            canvas.Line(axis.At(tick), y, axis.At(tick), bottom, tick == 0 ? "#666666" : "#e2e2e2");
            canvas.Text(axis.At(tick), bottom + 14, axis.Text(tick), TextStyle.Centered);
        }
        y += GroupGap / 2;
        foreach ((string name, IReadOnlyList<double?> values, double? bound) in groups)
        {
            canvas.Text(left - 8, y + groupHeight / 2 + 4, name, TextStyle.RightAligned);
            for (int i = 0; i < values.Count; i++)
            {
                if (values[i] is { } value && double.IsFinite(value))
                    canvas.Box(left, y + i * BarHeight + 1, Math.Max(1, axis.At(value) - left), BarHeight - 2, Colour(i));
            }
            if (bound is { } b)
                canvas.Line(axis.At(b), y - 3, axis.At(b), y + groupHeight + 3, TargetColour, 2, dashed: true);
            for (int i = 0; i < values.Count; i++)
            {
                bool hasValue = values[i] is { } value && double.IsFinite(value);
                string text = hasValue ? Numbers.Text(values[i]!.Value) : "none";
                double start = (hasValue ? axis.At(values[i]!.Value) : left) + ValueGap;
                // A target's mark must not run through a value.
                if (bound is { } mark && axis.At(mark) > start - ValueGap && axis.At(mark) < start + SvgCanvas.WidthOf(text))
                    start = axis.At(mark) + ValueGap;
                canvas.Text(start, y + i * BarHeight + BarHeight - 3, text, TextStyle.Normal);
            }
            y += groupHeight + GroupGap;
        }
        return bottom + 18;
    }
}
