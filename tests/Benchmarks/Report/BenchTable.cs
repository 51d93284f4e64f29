using System.Globalization;
using System.Text;

namespace VmPod.Benchmarks.Report;

/// <summary>A table: cells are text, whole numbers, or measurements, which are printed with three digits.</summary>
internal sealed class BenchTable(string title, params IReadOnlyList<string> columns)
{
    /// <summary>What it shows.</summary>
    public string Title { get; } = title;

    /// <summary>The columns' names, with units.</summary>
    public IReadOnlyList<string> Columns { get; } = columns;

    /// <summary>The rows; null is a cell without a value.</summary>
    public List<IReadOnlyList<object?>> Rows { get; } = [];

    /// <summary>Adds a row of as many cells as there are columns.</summary>
    public void Add(params IReadOnlyList<object?> cells)
    {
        if (cells.Count != Columns.Count)
            throw new ArgumentException("A row has a cell for each column.", nameof(cells));
        Rows.Add(cells);
    }

    /// <summary>The table as Markdown, padded so that it reads well as it is.</summary>
    public string ToText()
    {
        string[][] lines = [[.. Columns], .. Rows.Select(r => r.Select(Format).ToArray())];
        int[] widths = [.. Enumerable.Range(0, Columns.Count).Select(c => lines.Max(l => l[c].Length))];
        var text = new StringBuilder().Append("**").Append(Title).AppendLine("**").AppendLine();
        for (int i = 0; i < lines.Length; i++)
        {
            text.Append('|');
            for (int c = 0; c < widths.Length; c++)
                text.Append(' ').Append(c == 0 ? lines[i][c].PadRight(widths[c]) : lines[i][c].PadLeft(widths[c])).Append(" |");
            text.AppendLine();
            if (i == 0)
                text.Append('|').AppendJoin('|', widths.Select((w, c) => c == 0 ? new string('-', w + 2) : new string('-', w + 1) + ':')).AppendLine("|");
        }
        return text.ToString();
    }

    private static string Format(object? cell) => cell switch
    {
        null => "",
        double number => Numbers.Text(number),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => cell.ToString()!,
    };
}
