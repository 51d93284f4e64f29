using System.Text.RegularExpressions;

namespace VmPod.ThreatModel.Checks;

/// <summary>The style that a machine can see. Only ever tightened.</summary>
public static class Tidy
{
    /// <summary>Columns of a line of C#: .editorconfig says 140; this is where it breaks the build.</summary>
    public const int ColumnsMax = 160;

    /// <summary>Lines of a C# file: one type, one idea.</summary>
    public const int LinesMax = 600;

    /// <summary>What no file may say, with the reason. The patterns do not match themselves.</summary>
    private static readonly (Regex Pattern, string Reason)[] Forbidden =
    [
        (new(@"/home/(?!user\b)[a-z]\w*|/Users/\w+|[A-Z]:\\Users|/work/(?:wt|main|shared)\b"), "a path of somebody's machine"),
        (new(@"\bnuget\.org\b|\bapi\.nuget\.|\b(?:deb|security)\.debian\.|\bpkg\.dev\b|\bjfrog\.io\b|\bpythonhosted\.|\bnpmjs\."),
            "a host of packages: the machine's configuration knows them"),
        (new(@"\bTO[D]O\b|\bFIX[M]E\b"), "unfinished work: do it, or write an issue"),
    ];

    /// <summary>What in a source tree is untidy; empty if nothing is.</summary>
    public static IReadOnlyList<string> Violations(string root)
    {
        var violations = new List<string>();
        foreach (string file in SourceTree.Files(root))
        {
            byte[] bytes = File.ReadAllBytes(Path.Join(root, file));
            if (bytes.AsSpan().Contains((byte)0))
                continue;                                   // not text: a test vector
            string[] lines = System.Text.Encoding.UTF8.GetString(bytes).Split('\n');
            bool isCode = file.EndsWith(".cs", StringComparison.Ordinal);
            if (isCode && lines.Length > LinesMax)
                violations.Add($"{file} has {lines.Length} lines, more than {LinesMax}");
            for (int i = 0; i < lines.Length; i++)
                violations.AddRange(Line(lines[i], isCode).Select(fault => $"{file}:{i + 1} {fault}"));
        }
        return violations;
    }

    private static IEnumerable<string> Line(string line, bool isCode)
    {
        if (isCode && line.Length > ColumnsMax)
            yield return $"has {line.Length} columns, more than {ColumnsMax}";
        if (isCode && line.Contains('\t', StringComparison.Ordinal))
            yield return "has a tab";
        if (isCode && line.Length > 0 && char.IsWhiteSpace(line[^1]))
            yield return "ends with a blank";
        foreach ((Regex pattern, string reason) in Forbidden)
        {
            if (pattern.Match(line) is { Success: true } match)
                yield return $"says {match.Value}: {reason}";
        }
    }
}
