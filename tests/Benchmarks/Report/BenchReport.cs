using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VmPod.Benchmarks.Report.Plots;

namespace VmPod.Benchmarks.Report;

/// <summary>What a benchmark found: targets, tables, plots, what they were measured with, and what one must know to read them.</summary>
internal sealed class BenchReport(string name)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>The targets that it measures.</summary>
    public List<Target> Targets { get; } = [];

    /// <summary>The tables.</summary>
    public List<BenchTable> Tables { get; } = [];

    /// <summary>The plots, which become one picture.</summary>
    public List<Plot> Plots { get; } = [];

    /// <summary>Names and versions of all that was compared.</summary>
    public Dictionary<string, string> Versions { get; } = [];

    /// <summary>Sentences for the reader.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>For people.</summary>
    public string ToText()
    {
        var text = new StringBuilder().Append("## ").AppendLine(Name).AppendLine();
        foreach (BenchTable table in Targets.Count > 0 ? [Target.Table(Targets), .. Tables] : Tables)
            text.AppendLine(table.ToText());
        foreach (string note in Notes)
            text.Append("- ").AppendLine(note);
        text.Append("- Measured with: ").AppendJoin("; ", Versions.Select(v => $"{v.Key} {v.Value}")).AppendLine();
        return text.ToString();
    }

    /// <summary>For programs: { name, versions, notes, targets: [{ what, value, unit, bound, bound_is, met }],
    /// tables: [{ title, rows: [{ column: value }] }] }.</summary>
    public string ToJson()
    {
        var tables = new JsonArray();
        foreach (BenchTable table in Tables)
        {
            var rows = new JsonArray();
            foreach (IReadOnlyList<object?> row in table.Rows)
                rows.Add(new JsonObject(table.Columns.Zip(row, (c, v) => KeyValuePair.Create(c, (JsonNode?)Value(v)))));
            tables.Add(new JsonObject { ["title"] = table.Title, ["rows"] = rows });
        }
        var versions = new JsonObject(Versions.Select(v => KeyValuePair.Create(v.Key, (JsonNode?)Value(v.Value))));
        var notes = new JsonArray([.. Notes.Select(n => Value(n))]);
        var targets = new JsonArray([.. Targets.Select(t => t.ToJson())]);
        var all = new JsonObject { ["name"] = Name, ["versions"] = versions, ["notes"] = notes, ["targets"] = targets, ["tables"] = tables };
        return all.ToJsonString(Indented);
    }

    /// <summary>The plots as one SVG; null if there are none.</summary>
    public string? ToSvg() => Plots.Count == 0 ? null : SvgDocument.Of(Name, Plots);

    private static JsonValue? Value(object? value) => value switch
    {
        null => null,
        double number => double.IsFinite(number) ? JsonValue.Create(number) : null,
        int number => JsonValue.Create(number),
        long number => JsonValue.Create(number),
        _ => JsonValue.Create(value.ToString()),
    };
}
