using System.Globalization;
using System.Text.Json.Nodes;

namespace VmPod.Benchmarks.Report;

/// <summary>One target of DESIGN.md section 8, and what was measured for it.</summary>
/// <param name="What">What is measured.</param>
/// <param name="Value">What came out; NaN if it could not be measured, which meets nothing.</param>
/// <param name="Bound">What it is held against.</param>
/// <param name="Unit">Of both; empty for a ratio.</param>
/// <param name="IsLeast">The value must not be below the bound, in place of not above it.</param>
internal sealed record Target(string What, double Value, double Bound, string Unit = "", bool IsLeast = false)
{
    /// <summary>Whether it is met.</summary>
    public bool IsMet => IsLeast ? Value >= Bound : Value <= Bound;

    /// <summary>"met" or "not met".</summary>
    public string Status => IsMet ? "met" : "not met";

    /// <summary>The bound as one reads it: "&lt;= 1.1", "&gt;= 97 %".</summary>
    public string BoundText => string.Create(CultureInfo.InvariantCulture, $"{(IsLeast ? ">=" : "<=")} {Bound:0.###} {Unit}").TrimEnd();

    /// <summary>Bound and status, for a cell of a table.</summary>
    public string Verdict => $"{BoundText}, {Status}";

    /// <summary>The table of all.</summary>
    public static BenchTable Table(IEnumerable<Target> targets)
    {
        var table = new BenchTable("Targets", "what", "measured", "unit", "target", "status");
        foreach (Target target in targets)
            table.Add(target.What, double.IsFinite(target.Value) ? target.Value : null, target.Unit, target.BoundText, target.Status);
        return table;
    }

    /// <summary>For programs.</summary>
    public JsonObject ToJson() => new()
    {
        ["what"] = What,
        ["value"] = double.IsFinite(Value) ? Value : null,
        ["unit"] = Unit,
        ["bound"] = Bound,
        ["bound_is"] = IsLeast ? "least" : "most",
        ["met"] = IsMet,
    };
}
