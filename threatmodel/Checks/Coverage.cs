using System.Text.RegularExpressions;

namespace VmPod.ThreatModel.Checks;

/// <summary>Whether every numbered rule of the documents has a test that cites it, and every citation a rule.</summary>
public static partial class Coverage
{
    /// <summary>File of the rules that need no test, each with its reason: lines of `V-12 reason`. # begins a comment.</summary>
    public const string ExceptionsFile = "threatmodel/spec-exceptions.txt";

    /// <summary>Numbered rules of every SPEC.md against [Trait("Spec", ...)].</summary>
    public static IReadOnlyList<string> SpecViolations(string root) =>
        Violations(root, SourceTree.Files(root, "SPEC.md").Where(f => Path.GetFileName(f) == "SPEC.md"), "Spec", "VHPS");

    /// <summary>Rows of THREATS.md against [Trait("Threat", ...)], and the threats that BannedSymbols.txt cites.</summary>
    public static IReadOnlyList<string> ThreatViolations(string root)
    {
        string[] documents = [.. SourceTree.Files(root, "THREATS.md").Where(f => f == "threatmodel/THREATS.md")];
        if (documents.Length == 0)
            return [];
        HashSet<string> listed = [.. Defined(root, documents, "T").Select(d => d.Id)];
        string banned = Path.Join(root, "threatmodel/BannedSymbols.txt");
        IEnumerable<string> dangling = File.Exists(banned)
            ? ThreatId().Matches(File.ReadAllText(banned)).Select(m => m.Value).Distinct().Where(id => !listed.Contains(id))
                .Select(id => $"threatmodel/BannedSymbols.txt cites {id}, which THREATS.md does not list")
            : [];
        return [.. Violations(root, documents, "Threat", "T"), .. dangling];
    }

    private static List<string> Violations(string root, IEnumerable<string> documents, string trait, string letters)
    {
        var violations = new List<string>();
        (string Id, string Place)[] defined = [.. Defined(root, documents, letters)];
        foreach (IGrouping<string, (string Id, string Place)> twice in defined.GroupBy(d => d.Id).Where(g => g.Count() > 1))
            violations.Add($"{twice.Key} is numbered twice: {string.Join(", ", twice.Select(d => d.Place))}");
        Dictionary<string, string> rules = defined.DistinctBy(d => d.Id).ToDictionary(d => d.Id, d => d.Place);
        ILookup<string, string> cited = Cited(root, trait).ToLookup(c => c.Id, c => c.Place);
        Dictionary<string, string> exceptions = Exceptions(root, letters, violations);
        foreach ((string id, string place) in rules)
        {
            if (!cited.Contains(id) && !exceptions.ContainsKey(id))
                violations.Add($"{id} ({place}) has no test: cite it with [Trait(\"{trait}\", \"{id}\")], or give a reason in {ExceptionsFile}");
        }
        foreach (IGrouping<string, string> citation in cited.Where(c => !rules.ContainsKey(c.Key)))
            violations.Add($"{citation.First()} cites {citation.Key}, which no document numbers");
        foreach (string id in exceptions.Keys)
        {
            if (!rules.ContainsKey(id))
                violations.Add($"{ExceptionsFile} excepts {id}, which no document numbers");
            else if (cited.Contains(id))
                violations.Add($"{ExceptionsFile} excepts {id}, which has a test: {cited[id].First()}");
        }
        return violations;
    }

    /// <summary>A rule is numbered where its id stands in bold, or begins a list item or a table's row; elsewhere it is only mentioned.</summary>
    private static IEnumerable<(string Id, string Place)> Defined(string root, IEnumerable<string> documents, string letters)
    {
        var definition = new Regex($@"^\s*(?:[-*]\s+|\|\s*|#+\s+)?(?:\*\*([{letters}]-\d{{2,3}})\b|(?<=[-*|#]\s*)([{letters}]-\d{{2,3}})\b)");
        foreach (string document in documents)
        {
            int number = 0;
            foreach (string line in File.ReadLines(Path.Join(root, document)))
            {
                number++;
                if (definition.Match(line) is { Success: true } match)
                    yield return (match.Groups[1].Success ? match.Groups[1].Value : match.Groups[2].Value, $"{document}:{number}");
            }
        }
    }

    private static IEnumerable<(string Id, string Place)> Cited(string root, string trait)
    {
        var citation = new Regex($@"\bTrait\(""{trait}"",\s*""([^""]*)""\)");
        foreach (string file in SourceTree.Files(root, ".cs"))
        {
            int number = 0;
            foreach (string line in File.ReadLines(Path.Join(root, file)))
            {
                number++;
                foreach (Match match in citation.Matches(line.Split("//", 2)[0]))
                    yield return (match.Groups[1].Value, $"{file}:{number}");
            }
        }
    }

    private static Dictionary<string, string> Exceptions(string root, string letters, List<string> violations)
    {
        var exceptions = new Dictionary<string, string>();
        string path = Path.Join(root, ExceptionsFile);
        foreach (string line in File.Exists(path) ? File.ReadLines(path) : [])
        {
            string[] parts = line.Split('#', 2)[0].Trim().Split(' ', 2);
            if (parts[0].Length == 0 || !letters.Contains(parts[0][0], StringComparison.Ordinal))
                continue;
            if (parts.Length < 2 || parts[1].Trim().Length < 10)
                violations.Add($"{ExceptionsFile} excepts {parts[0]} without a reason");
            if (!exceptions.TryAdd(parts[0], parts[^1]))
                violations.Add($"{ExceptionsFile} excepts {parts[0]} twice");
        }
        return exceptions;
    }

    [GeneratedRegex(@"\bT-\d{2,3}\b")]
    private static partial Regex ThreatId();
}
