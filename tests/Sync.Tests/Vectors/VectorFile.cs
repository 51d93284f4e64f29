using System.Globalization;
using VmPod.Testing;

namespace VmPod.Sync.Tests.Vectors;

/// <summary>One case of tests/Vectors/channel or rsync: lines of `key: value`, bytes in hexadecimal.</summary>
internal sealed class VectorFile
{
    private readonly Dictionary<string, string> fields;

    private VectorFile(string path)
    {
        Name = Path.GetFileName(path);
        fields = File.ReadAllLines(path).Select(line => line.Split(':', 2)).ToDictionary(parts => parts[0], parts => parts[1].Trim(), StringComparer.Ordinal);
    }

    internal string Name { get; }

    internal string Layer => Text("layer");

    internal bool MustPass => Text("expect") switch
    {
        "ok" => true,
        "refuse" => false,
        string other => throw new InvalidDataException($"{Name} expects {other}"),
    };

    internal static VectorFile[] All(string folder) =>
        [.. Directory.EnumerateFiles(Repository.PathOf("tests", "Vectors", folder), "*.txt")
            .Order(StringComparer.Ordinal).Select(path => new VectorFile(path))];

    internal string Text(string key) => fields[key];

    internal byte[] Bytes(string key) => Convert.FromHexString(fields[key]);

    internal long Number(string key) => long.Parse(fields[key], CultureInfo.InvariantCulture);
}
