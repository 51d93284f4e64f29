using VmPod.Foundation;

namespace VmPod.HostGuard.Pods;

/// <summary>What this host keeps between sessions: pairings, what it knows of its pods, its keys as a home
/// host, and sealed residues. Nothing readable of any session without a pod.</summary>
internal static class HostFolder
{
    private const string OverrideVariable = "VMPOD_STATE_FOLDER";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The folder with the pairings.</summary>
    public static string Pods() => Make("pods");

    /// <summary>The folder with the residues, one folder each.</summary>
    public static string Residues() => Make("residues");

    /// <summary>The folder of all of it.</summary>
    public static string Root()
    {
        string? named = Environment.GetEnvironmentVariable(OverrideVariable);
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string root = !string.IsNullOrEmpty(named) ? named
            : Environment.IsPrivilegedProcess ? "/var/lib/vmpod"
            : !string.IsNullOrEmpty(state) ? Path.Combine(state, "vmpod")
            : !string.IsNullOrEmpty(home) ? Path.Combine(home, ".local", "state", "vmpod")
            : throw new VmPodException(ExitCode.Missing, "There is no folder for this user's state.", $"Set {OverrideVariable}.");
        Directory.CreateDirectory(root, OwnerOnly);
        return root;
    }

    private static string Make(string name)
    {
        string folder = Path.Combine(Root(), name);
        Directory.CreateDirectory(folder, OwnerOnly);
        return folder;
    }
}
