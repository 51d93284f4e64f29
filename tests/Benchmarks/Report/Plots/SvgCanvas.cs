using System.Globalization;
using System.Security;
using System.Text;

namespace VmPod.Benchmarks.Report.Plots;

/// <summary>Writes the few elements of SVG that a plot needs. The same calls give the same bytes.</summary>
internal sealed class SvgCanvas
{
    /// <summary>Pixels across.</summary>
    public const double Width = 780;

    /// <summary>Pixels from one line of text to the next, at least.</summary>
    public const double LineHeight = 14;

    // Of a usual sans-serif at 12 pixels; a little more than it takes, since nobody measures it here.
    private const double CharWidth = 6.8;

    private const string Ink = "#1c1c1c", Paper = "#ffffff";

    private readonly StringBuilder body = new();

    /// <summary>Pixels that a text takes at most, roughly.</summary>
    public static double WidthOf(string text) => text.Length * CharWidth;

    /// <summary>A filled box.</summary>
    public void Box(double x, double y, double width, double height, string colour) =>
        body.AppendLine(CultureInfo.InvariantCulture, $"""<rect x="{N(x)}" y="{N(y)}" width="{N(width)}" height="{N(height)}" fill="{colour}"/>""");

    /// <summary>A line.</summary>
    public void Line(double x1, double y1, double x2, double y2, string colour, double thick = 1, bool dashed = false) =>
        body.AppendLine(CultureInfo.InvariantCulture,
            $"""<path d="M{N(x1)} {N(y1)}L{N(x2)} {N(y2)}" stroke="{colour}" stroke-width="{N(thick)}"{(dashed ? " stroke-dasharray=\"4 3\"" : "")}/>""");

    /// <summary>A point.</summary>
    public void Dot(double x, double y, string colour) =>
        body.AppendLine(CultureInfo.InvariantCulture, $"""<circle cx="{N(x)}" cy="{N(y)}" r="3.5" fill="{colour}"/>""");

    /// <summary>A text on its base line, with an edge in the colour of the paper so that a line behind it does not run through.</summary>
    public void Text(double x, double y, string text, TextStyle style, string colour = Ink)
    {
        string attributes = style switch
        {
            TextStyle.RightAligned => " text-anchor=\"end\"",
            TextStyle.Centered => " text-anchor=\"middle\"",
            TextStyle.Title => " font-size=\"15\" font-weight=\"bold\"",
            _ => "",
        };
        body.AppendLine(CultureInfo.InvariantCulture,
            $"""<text x="{N(x)}" y="{N(y)}"{attributes} fill="{colour}" stroke="{Paper}" stroke-width="3">{SecurityElement.Escape(text)}</text>""");
    }

    /// <summary>The whole picture, on its own paper: as readable on a dark page as on a light one.</summary>
    public string ToSvg(string title, double height) => string.Create(CultureInfo.InvariantCulture, $"""
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {N(Width)} {N(height)}" width="{N(Width)}" height="{N(height)}" role="img"
             font-family="DejaVu Sans, Arial, Helvetica, sans-serif" font-size="12">
        <style>text {"{ paint-order: stroke; stroke-linejoin: round }"}</style>
        <title>{SecurityElement.Escape(title)}</title>
        <rect width="100%" height="100%" rx="6" fill="{Paper}" stroke="#d0d0d0"/>
        {body}</svg>

        """);

    private static string N(double number) => number.ToString("0.##", CultureInfo.InvariantCulture);
}
