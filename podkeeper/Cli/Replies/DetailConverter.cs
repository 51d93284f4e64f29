using System.Text.Json;
using System.Text.Json.Serialization;
using VmPod.Audit;

namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>An entry's detail as a JSON object of texts and numbers.</summary>
internal sealed class DetailConverter : JsonConverter<IReadOnlyDictionary<string, AuditValue>>
{
    /// <summary>Replies are only written.</summary>
    public override IReadOnlyDictionary<string, AuditValue> Read(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, IReadOnlyDictionary<string, AuditValue> value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach ((string name, AuditValue fact) in value)
        {
            if (fact.Text is not null)
                writer.WriteString(name, fact.Text);
            else
                writer.WriteNumber(name, fact.Number);
        }
        writer.WriteEndObject();
    }
}
