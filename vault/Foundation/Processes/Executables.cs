namespace VmPod.Foundation.Processes;

/// <summary>Where tools are looked for: the system's folders only, never PATH, which belongs to whoever started us.</summary>
public static class Executables
{
    private static readonly string[] _folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

    /// <summary>The path of a tool, or null if it is not installed.</summary>
    public static string? Find(string name)
    {
        foreach (string folder in _folders)
        {
            string path = Path.Combine(folder, name);
            if (File.Exists(path))
                return path;
        }
        return null;
    }

    /// <summary>The path of a tool that must be there.</summary>
    /// <param name="name">The program's name.</param>
    /// <param name="package">Debian's package that has it; it goes into the hint.</param>
    /// <exception cref="VmPodException">It is not installed (exit code 9).</exception>
    public static string Require(string name, string package) => Find(name)
        ?? throw new VmPodException(ExitCode.Missing, $"{name} is not installed.", $"Install it: apt-get install {package}");
}
