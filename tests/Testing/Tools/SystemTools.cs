namespace VmPod.Testing;

/// <summary>Programs of the system, which for root are in folders that a user's PATH need not name.</summary>
public static class SystemTools
{
    private static readonly string[] Folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <summary>The path of a program.</summary>
    /// <exception cref="FileNotFoundException">It is not installed: a failure, never a skip.</exception>
    public static string Find(string name) => Folders.Select(folder => Path.Join(folder, name)).FirstOrDefault(File.Exists)
        ?? throw new FileNotFoundException($"{name} is not installed. Run ./vmpod build as root: it installs what is missing.", name);
}
