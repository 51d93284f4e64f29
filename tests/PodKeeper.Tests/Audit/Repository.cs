namespace VmPod.PodKeeper.Tests.Audit;

/// <summary>Files outside the test's own folder, found upwards from it.</summary>
internal static class Repository
{
    internal static string Root => Up(folder => File.Exists(Path.Combine(folder, "VmPod.sln")))
        ?? throw new IOException("This is not in the repository.");

    /// <summary>Test data of other projects, which is not carried here; null where it is not beside the repository.</summary>
    internal static string? Vectors(string name) =>
        Up(folder => Directory.Exists(Path.Combine(folder, "shared", "vectors", name))) is { } found
            ? Path.Combine(found, "shared", "vectors", name) : null;

    private static string? Up(Func<string, bool> matches)
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !matches(folder))
            folder = Path.GetDirectoryName(folder);
        return folder;
    }
}
