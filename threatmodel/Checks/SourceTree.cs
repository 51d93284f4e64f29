namespace VmPod.ThreatModel.Checks;

/// <summary>The files that belong to the project: no build output, no history, no editor's folder.</summary>
public static class SourceTree
{
    private static readonly string[] Left = [".git", ".vs", ".idea", "artifacts", "bin", "obj", "TestResults", "__pycache__"];

    /// <summary>All files with this ending, as paths relative to the root with '/'.</summary>
    public static IEnumerable<string> Files(string root, string ending = "")
    {
        var folders = new Stack<string>([root]);
        while (folders.TryPop(out string? folder))
        {
            foreach (string sub in Directory.EnumerateDirectories(folder).Where(sub => !Left.Contains(Path.GetFileName(sub))))
                folders.Push(sub);
            foreach (string file in Directory.EnumerateFiles(folder).Where(f => f.EndsWith(ending, StringComparison.Ordinal) && Path.GetFileName(f) != ".git"))
                yield return Path.GetRelativePath(root, file);
        }
    }
}
