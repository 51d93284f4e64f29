using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace VmPod.Audit;

/// <summary>Bytes of one entry: canonical JSON (SPEC.md P-03 to P-08). One spelling for one meaning; any other is refused.</summary>
internal static class AuditEntryFormat
{
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonReaderOptions Reading = new() { MaxDepth = 2 };

    /// <summary>The entry's bytes.</summary>
    /// <exception cref="ArgumentException">A field breaks a rule: a bug of the caller.</exception>
    internal static byte[] Encode(AuditEntry entry)
    {
        if (AuditEntryRules.Violation(entry) is string violation)
            throw new ArgumentException($"This is no audit entry: {violation}.", nameof(entry));
        byte[] bytes = Write(entry);
        // By the bounds of the parts an entry ends below 3 KiB; this is what holds if a bound is raised.
        return bytes.Length <= AuditLimits.EntryBytesMax ? bytes
            : throw new ArgumentException("The audit entry is too long.", nameof(entry));
    }

    /// <summary>The entry of these bytes, or why they are none.</summary>
    internal static AuditEntry? Decode(ReadOnlySpan<byte> bytes, out string why)
    {
        try
        {
            AuditEntry entry = Read(bytes);
            why = AuditEntryRules.Violation(entry) ?? "";
            if (why.Length == 0 && !Write(entry).AsSpan().SequenceEqual(bytes))
                why = "its spelling is not canonical";
            return why.Length == 0 ? entry : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            // The three that Utf8JsonReader throws: not JSON, another type than asked for, a number out of range.
            why = "it is not the JSON of an entry";
            return null;
        }
    }

    private static byte[] Write(AuditEntry entry)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(buffer, Writing);
        json.WriteStartObject();
        json.WriteNumber("seq"u8, entry.Seq);
        json.WriteNumber("timeMs"u8, entry.TimeMs);
        json.WriteString("event"u8, entry.Event);
        json.WriteString("actor"u8, entry.Actor);
        if (entry.Session is not null)
            json.WriteString("session"u8, entry.Session);
        json.WriteString("outcome"u8, OutcomeName(entry.Outcome));
        if (entry.Detail.Count > 0)
            WriteDetail(json, entry.Detail);
        json.WriteString("prev"u8, entry.Previous);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteDetail(Utf8JsonWriter json, IReadOnlyDictionary<string, AuditValue> detail)
    {
        json.WriteStartObject("detail"u8);
        foreach ((string name, AuditValue value) in detail.OrderBy(member => member.Key, StringComparer.Ordinal))
        {
            if (value.Text is null)
                json.WriteNumber(name, value.Number);
            else
                json.WriteString(name, value.Text);
        }
        json.WriteEndObject();
    }

    private static string OutcomeName(AuditOutcome outcome) => outcome switch
    {
        AuditOutcome.Intent => "intent",
        AuditOutcome.Ok => "ok",
        AuditOutcome.Refused => "refused",
        _ => "failed",
    };

    // Says what may come next and checks it before looking at the value; order and completeness are checked by writing it again.
    private static AuditEntry Read(ReadOnlySpan<byte> bytes)
    {
        var json = new Utf8JsonReader(bytes, Reading);
        long seq = -1, timeMs = -1;
        string name = "", actor = "", previous = "";
        string? session = null;
        var outcome = (AuditOutcome)(-1);
        SortedDictionary<string, AuditValue> detail = new(StringComparer.Ordinal);
        Expect(ref json, JsonTokenType.StartObject);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string property = json.GetString()!;
            json.Read();
            switch (property)
            {
                case "seq": seq = json.GetInt64(); break;
                case "timeMs": timeMs = json.GetInt64(); break;
                case "event": name = Text(ref json); break;
                case "actor": actor = Text(ref json); break;
                case "session": session = Text(ref json); break;
                case "outcome": outcome = Outcome(Text(ref json)); break;
                case "detail": ReadDetail(ref json, detail); break;
                case "prev": previous = Text(ref json); break;
                default: throw new JsonException();
            }
        }
        return json.Read() ? throw new JsonException() : new AuditEntry(seq, timeMs, name, actor, session, outcome, detail, previous);
    }

    private static void ReadDetail(ref Utf8JsonReader json, SortedDictionary<string, AuditValue> detail)
    {
        if (json.TokenType != JsonTokenType.StartObject)
            throw new JsonException();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string name = json.GetString()!;
            json.Read();
            detail[name] = json.TokenType == JsonTokenType.Number ? json.GetInt64() : Text(ref json);
        }
    }

    private static AuditOutcome Outcome(string name) => name switch
    {
        "intent" => AuditOutcome.Intent,
        "ok" => AuditOutcome.Ok,
        "refused" => AuditOutcome.Refused,
        "failed" => AuditOutcome.Failed,
        _ => throw new JsonException(),
    };

    private static string Text(ref Utf8JsonReader json) => json.GetString() ?? throw new JsonException();

    private static void Expect(ref Utf8JsonReader json, JsonTokenType type)
    {
        if (!json.Read() || json.TokenType != type)
            throw new JsonException();
    }
}
