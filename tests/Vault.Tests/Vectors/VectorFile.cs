using System.Globalization;

namespace VmPod.Vault.Tests.Vectors;

/// <summary>One case of tests/Vectors: lines of `key: value`, bytes in hexadecimal with runs of zeros as 00*n.</summary>
internal sealed class VectorFile
{
    private readonly Dictionary<string, string> fields;

    private VectorFile(string file, Dictionary<string, string> fields)
    {
        File = file;
        this.fields = fields;
    }

    internal string File { get; }

    internal string Layer => fields["layer"];

    internal bool MustPass => fields["expect"] switch
    {
        "ok" => true,
        "refuse" => false,
        string other => throw new InvalidDataException($"{File} expects {other}"),
    };

    /// <summary>The root of the repository, or of a worktree of it.</summary>
    internal static string Root
    {
        get
        {
            string? folder = AppContext.BaseDirectory;
            while (folder is not null && !System.IO.File.Exists(Path.Combine(folder, "VmPod.sln")))
                folder = Path.GetDirectoryName(folder);
            return folder ?? throw new DirectoryNotFoundException("The tests run from within the repository.");
        }
    }

    internal static IReadOnlyList<VectorFile> All(string folder) =>
        [.. Directory.EnumerateFiles(Path.Combine(Root, "tests/Vectors", folder), "*.txt").Order(StringComparer.Ordinal).Select(Read)];

    internal bool Has(string key) => fields.ContainsKey(key);

    internal byte[] Bytes(string key)
    {
        var bytes = new List<byte>();
        foreach (string word in fields[key].Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.StartsWith("00*", StringComparison.Ordinal))
                bytes.AddRange(new byte[int.Parse(word[3..], CultureInfo.InvariantCulture)]);
            else
                bytes.AddRange(Convert.FromHexString(word));
        }
        return [.. bytes];
    }

    /// <summary>A decimal number.</summary>
    internal int Number(string key) => int.Parse(fields[key], CultureInfo.InvariantCulture);

    /// <summary>A field "offset=bytes".</summary>
    internal (int Offset, byte[] Bytes) Patch(string key)
    {
        string[] parts = fields[key].Split('=');
        return (int.Parse(parts[0], CultureInfo.InvariantCulture), Convert.FromHexString(parts[1]));
    }

    private static VectorFile Read(string path) => new(Path.GetFileName(path), System.IO.File.ReadAllLines(path)
        .Select(line => line.Split(':', 2)).ToDictionary(parts => parts[0], parts => parts[1].Trim(), StringComparer.Ordinal));
}
