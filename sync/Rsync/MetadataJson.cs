using System.Text;
using System.Text.Json;
using VmPod.Foundation;

namespace VmPod.Sync.Rsync;

/// <summary>The metadata: one flat object of texts (SPEC S-141).</summary>
internal static class MetadataJson
{
    /// <summary>The members of these names; null for those that are absent or null. Members of other names are passed over.</summary>
    internal static string?[] Read(ReadOnlySpan<byte> json, params ReadOnlySpan<string> names)
    {
        // Its writers escape all else. Without this, what is no UTF-8 would be found only where it is used.
        if (json.IndexOfAnyExceptInRange((byte)' ', (byte)'~') >= 0)
            throw Broken();
        try
        {
            return ReadObject(json, names);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Broken();                                 // no JSON, or a text that is no Unicode
        }
    }

    /// <summary>An object of members with these names and values, of which none needs an escape; null values are left out.</summary>
    internal static string Write(params ReadOnlySpan<(string Name, string? Value)> members)
    {
        var text = new StringBuilder();
        foreach ((string name, string? value) in members)
        {
            if (value is not null)
                text.Append(text.Length == 0 ? '{' : ',').Append('"').Append(name).Append("\":\"").Append(value).Append('"');
        }
        return text.Append('}').ToString();
    }

    private static string?[] ReadObject(ReadOnlySpan<byte> json, ReadOnlySpan<string> names)
    {
        var values = new string?[names.Length];
        int seen = 0;
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 1 });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw Broken();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            int name = IndexOf(ref reader, names);
            _ = reader.Read();
            if (name < 0)
                continue;
            if ((seen & 1 << name) != 0 || reader.TokenType is not (JsonTokenType.String or JsonTokenType.Null))
                throw Broken();
            seen |= 1 << name;
            values[name] = reader.GetString();
        }
        // The reader itself refuses an object that does not end, and anything after it.
        return reader.TokenType == JsonTokenType.EndObject && !reader.Read() ? values : throw Broken();
    }

    private static int IndexOf(ref Utf8JsonReader reader, ReadOnlySpan<string> names)
    {
        for (int i = 0; i < names.Length; i++)
        {
            if (reader.ValueTextEquals(names[i]))
                return i;
        }
        return -1;
    }

    private static VmPodException Broken() => RsyncFault.Broken("its metadata are not the JSON that they must be");
}
