namespace VmPod.Testing;

/// <summary>Where the running test's sources and built programs stand.</summary>
public static class Repository
{
    /// <summary>The folder that holds VmPod.sln, found upwards from the running program.</summary>
    public static string Root { get; } = FindRoot(AppContext.BaseDirectory);

    /// <summary>A path below the root.</summary>
    public static string PathOf(params ReadOnlySpan<string> parts) => Path.Join([Root, .. parts]);

    /// <summary>A program that ./vmpod build made.</summary>
    /// <exception cref="FileNotFoundException">It has not been built.</exception>
    public static string Program(string project, string name)
    {
        string path = PathOf("artifacts", "bin", project, "release", name);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{project} has not been built: run ./vmpod build.", path);
    }

    private static string FindRoot(string start)
    {
        for (string? folder = start; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Join(folder, "VmPod.sln")))
                return folder;
        }
        throw new DirectoryNotFoundException($"No VmPod.sln above {start}: tests run from artifacts/bin.");
    }
}
