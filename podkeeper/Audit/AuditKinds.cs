using System.Text;

namespace VmPod.Audit;

/// <summary>The names of <see cref="AuditKind"/> in an entry.</summary>
public static class AuditKinds
{
    private static readonly Dictionary<AuditKind, string> Names = Enum.GetValues<AuditKind>().ToDictionary(kind => kind, KebabCase);
    private static readonly Dictionary<string, AuditKind> Kinds =
        Names.ToDictionary(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal);

    /// <summary>The name in an entry, for example "keys-granted".</summary>
    public static string NameOf(AuditKind kind) =>
        Names.TryGetValue(kind, out string? name) ? name : throw new ArgumentOutOfRangeException(nameof(kind));

    /// <summary>The kind of a name; false for a name of a later version.</summary>
    public static bool TryParse(string name, out AuditKind kind) => Kinds.TryGetValue(name, out kind);

    private static string KebabCase(AuditKind kind)
    {
        var name = new StringBuilder();
        foreach (char c in kind.ToString())
        {
            if (char.IsAsciiLetterUpper(c) && name.Length > 0)
                name.Append('-');
            name.Append(char.ToLowerInvariant(c));
        }
        return name.ToString();
    }
}
