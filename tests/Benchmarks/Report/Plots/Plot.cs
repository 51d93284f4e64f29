namespace VmPod.Benchmarks.Report.Plots;

/// <summary>One panel of a report's picture.</summary>
internal abstract class Plot
{
    /// <summary>Pixels from the picture's edge to what is drawn.</summary>
    protected const double Margin = 20;

    private const double TitleHeight = 26, LegendLine = 18, LegendMark = 12, LegendGap = 18;

    // Colours that stay apart for most eyes, also in grey (Okabe and Ito); the first is ours.
    private static readonly string[] Palette = ["#0072b2", "#e69f00", "#009e73", "#9a9a9a", "#cc79a7", "#d55e00"];

    // The same, dark enough to be read as text on white.
    private static readonly string[] TextPalette = ["#00517f", "#805600", "#006b4e", "#555555", "#8c3f6d", "#943f00"];

    /// <summary>The colour of a target's mark.</summary>
    protected const string TargetColour = "#b00020";

    /// <summary>Draws it with its upper left corner at 0, <paramref name="top"/>.</summary>
    /// <returns>The y below it.</returns>
    public abstract double Draw(SvgCanvas canvas, double top);

    /// <summary>The colour of series <paramref name="index"/>.</summary>
    protected static string Colour(int index) => Palette[index % Palette.Length];

    /// <summary>The colour of a text about series <paramref name="index"/>.</summary>
    protected static string TextColour(int index) => TextPalette[index % TextPalette.Length];

    /// <summary>Title, and a legend of marks with names, which goes on in a new line where it must.</summary>
    /// <returns>The y below.</returns>
    protected static double DrawHead(SvgCanvas canvas, double top, string title, IEnumerable<(string Name, string Colour, bool IsLine)> legend)
    {
        canvas.Text(Margin, top + 16, title, TextStyle.Title);
        double x = Margin, y = top + TitleHeight;
        bool isEmpty = true;
        foreach ((string name, string colour, bool isLine) in legend)
        {
            isEmpty = false;
            double width = LegendMark + 6 + SvgCanvas.WidthOf(name) + LegendGap;
            if (x > Margin && x + width > SvgCanvas.Width - Margin)
                (x, y) = (Margin, y + LegendLine);
            if (isLine)
                canvas.Line(x, y + 6, x + LegendMark, y + 6, colour, 2, dashed: true);
            else
                canvas.Box(x, y, LegendMark, LegendMark, colour);
            canvas.Text(x + LegendMark + 6, y + 10, name, TextStyle.Normal);
            x += width;
        }
        return isEmpty ? y + 2 : y + LegendLine + 4;
    }
}
