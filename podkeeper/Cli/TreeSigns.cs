namespace VmPod.PodKeeper.Cli;

/// <summary>What a tree is drawn with.</summary>
/// <param name="Checkpoint">A generation with memory.</param>
/// <param name="Disk">One without.</param>
/// <param name="Line">A line that goes on past a row.</param>
/// <param name="Branch">Where another line leaves it.</param>
/// <param name="Last">Where the last one does.</param>
/// <param name="Folded">Rows that are left out.</param>
internal sealed record TreeSigns(string Checkpoint, string Disk, string Line, string Branch, string Last, string Folded)
{
    /// <summary>In characters that every terminal has.</summary>
    internal static TreeSigns Ascii { get; } = new("*", "o", "|", "|-", "`-", ":");

    /// <summary>With box-drawing characters.</summary>
    internal static TreeSigns Unicode { get; } = new("●", "○", "│", "├─", "└─", "┆");

    /// <summary>As systemd-cgls and tree decide: by the locale alone, so that a pipe to less shows what the terminal would. No locale is ASCII.</summary>
    internal static TreeSigns OfThisTerminal => Of(Environment.GetEnvironmentVariable);

    /// <summary>By the first of the three variables that POSIX looks at and that is set.</summary>
    internal static TreeSigns Of(Func<string, string?> variable)
    {
        string locale = ((IEnumerable<string>)["LC_ALL", "LC_CTYPE", "LANG"]).Select(variable).FirstOrDefault(v => !string.IsNullOrEmpty(v)) ?? "";
        return locale.Contains("UTF-8", StringComparison.OrdinalIgnoreCase) || locale.Contains("utf8", StringComparison.OrdinalIgnoreCase) ? Unicode : Ascii;
    }
}
