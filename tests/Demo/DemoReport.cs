using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace VmPod.Demo;

/// <summary>What the demo measured: one table for a person, one object for a program.</summary>
internal sealed class DemoReport
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly List<Row> rows = [];
    private readonly List<string> remarks = [];
    private readonly Dictionary<string, object?> facts = new()
    {
        ["witness_unbroken"] = false,
        ["resume_s"] = null,
        ["suspend_s"] = null,
        ["live_sync_lag_s"] = null,
        ["leave_stop_s"] = null,
        ["leave_keys_gone_s"] = null,
        ["bytes_moved"] = 0L,
        ["residue_plaintext_hits"] = null,
        ["residue_control_hits"] = null,
        ["emulated"] = null,
        ["checkpoint_pause_s"] = null,
        ["boot_s"] = null,
        ["guest_build_s"] = null,
        ["adopt_s"] = null,
        ["places_searched"] = null,
        ["residue_bytes"] = null,
        ["residue_taken"] = null,
        ["wire_cells_of_other_size"] = null,
        ["wire_plaintext_hits"] = null,
        ["wire_control_hits"] = null,
    };

    /// <summary>What was not as promised; empty if all was.</summary>
    public List<string> Broken { get; } = [];

    /// <summary>Sets a fact of the object.</summary>
    public void Set(string name, object? value) => facts[name] = value is double seconds ? Math.Round(seconds, 3) : value;

    /// <summary>Sets a fact unless it is known: the first suspend and resume count, the later ones are lines of the table only.</summary>
    public void SetFirst(string name, double seconds) => facts[name] ??= Math.Round(seconds, 3);

    /// <summary>A line of the table. Bytes to the pod count into bytes_moved.</summary>
    public void Add(string step, double? seconds, long? toPod = null, long? fromPod = null, string note = "")
    {
        rows.Add(new Row(step, seconds, toPod, fromPod, note));
        facts["bytes_moved"] = (long)facts["bytes_moved"]! + (toPod ?? 0);
    }

    /// <summary>A sentence below the table.</summary>
    public void Remark(string sentence) => remarks.Add(sentence);

    /// <summary>Something that must be so.</summary>
    public void Check(bool isSo, string otherwise)
    {
        if (!isSo)
            Broken.Add(otherwise);
    }

    /// <summary>The object.</summary>
    public string ToJson() => JsonSerializer.Serialize(new Dictionary<string, object?>(facts) { ["broken"] = Broken }, Json);

    /// <summary>The table.</summary>
    public string ToTable()
    {
        var text = new StringBuilder();
        text.AppendLine(Line("", "seconds", "MiB to the pod", "MiB read", ""));
        foreach (Row row in rows)
            text.AppendLine(Line(row.Step, Number(row.Seconds, "0.000"), MiB(row.ToPod), MiB(row.FromPod), row.Note));
        foreach (string remark in remarks)
            text.AppendLine().AppendLine(remark);
        text.AppendLine();
        text.Append(Broken.Count == 0 ? "All as promised." : "NOT as promised:");
        foreach (string what in Broken)
            text.AppendLine().Append("  ").Append(what);
        return text.ToString();

        static string Line(string step, string seconds, string to, string from, string note) => $"{step,-58} {seconds,9} {to,15} {from,9}  {note}".TrimEnd();
        static string MiB(long? bytes) => Number(bytes / 1048576.0, "0.0");
        static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";
    }

    private sealed record Row(string Step, double? Seconds, long? ToPod, long? FromPod, string Note);
}
