using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VmPod.PodKeeper.Cli;

/// <summary>What a command says: one JSON object, or lines for a person. Never both.</summary>
internal static class Output
{
    /// <summary>Prints the one JSON object.</summary>
    internal static void Print<T>(T reply, JsonTypeInfo<T> type)
    {
        using Stream output = Console.OpenStandardOutput();
        JsonSerializer.Serialize(output, reply, type);
        output.Write("\n"u8);
    }

    /// <summary>Prints the reply as the command line asked for it.</summary>
    internal static void Print<T>(bool json, T reply, JsonTypeInfo<T> type, Func<T, IEnumerable<string>> lines)
    {
        if (json)
        {
            Print(reply, type);
            return;
        }
        foreach (string line in lines(reply))
            Console.Out.WriteLine(line);
    }

    /// <summary>Neighbouring chunks for a person.</summary>
    internal static string Chunks(long first, long last) => first == last ? $"chunk {first}" : $"chunks {first} to {last}";

    /// <summary>A count of bytes for a person, in binary units.</summary>
    internal static string Bytes(double bytes)
    {
        ReadOnlySpan<string> units = ["B", "KiB", "MiB", "GiB", "TiB"];
        int unit = 0;
        for (; bytes >= 1024 && unit < units.Length - 1; unit++)
            bytes /= 1024;
        return unit == 0 ? $"{bytes:0} B" : $"{bytes:0.0} {units[unit]}";
    }
}
