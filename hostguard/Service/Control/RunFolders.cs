using System.Runtime.InteropServices;
using VmPod.Foundation;

namespace VmPod.HostGuard.Control;

/// <summary>Where sessions that run on this host keep their sockets, mount points and receipts: a folder in RAM, for this user alone.</summary>
internal static class RunFolders
{
    private const string OverrideVariable = "VMPOD_RUN_FOLDER";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The control socket's name in a session's folder.</summary>
    public const string ControlSocket = "control.sock";

    /// <summary>The receipt's name in a session's folder.</summary>
    public const string Receipt = "receipt.json";

    /// <summary>The folder of all sessions of this user.</summary>
    /// <exception cref="VmPodException">There is no runtime folder for this user (exit 9).</exception>
    public static string Root()
    {
        string? named = Environment.GetEnvironmentVariable(OverrideVariable);
        string? user = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        string root = !string.IsNullOrEmpty(named) ? named
            : Environment.IsPrivilegedProcess ? "/run/vmpod/sessions"
            : !string.IsNullOrEmpty(user) ? Path.Combine(user, "vmpod", "sessions")
            : throw new VmPodException(ExitCode.Missing, "There is no runtime folder for this user.",
                $"Log in through a session manager (XDG_RUNTIME_DIR), or set {OverrideVariable}.");
        // Each folder above that is new is this user's alone too: the mode of CreateDirectory is that of the last one only.
        if (Path.GetDirectoryName(root) is { Length: > 0 } parent)
            Directory.CreateDirectory(parent, OwnerOnly);
        Directory.CreateDirectory(root, OwnerOnly);
        return root;
    }

    /// <summary>The folder of a session's run.</summary>
    public static string Of(string session) => Path.Combine(Root(),
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(MemoryMarshal.AsBytes(session.AsSpan())))[..16]);

    /// <summary>
    /// A new mount point. For root it stands where the hypervisor's own user can reach it, which a run folder is not; what is mounted there is seen in
    /// hostguard's mount namespace only, and is that user's alone.
    /// </summary>
    public static string MakeMountPoint(string runFolder)
    {
        string parent = runFolder;
        if (Environment.IsPrivilegedProcess)
        {
            parent = "/run/vmpod-mounts";
            Directory.CreateDirectory(parent, OwnerOnly | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }
        string point = Path.Combine(parent, $"{Path.GetFileName(runFolder)}-{Environment.ProcessId}");
        Directory.CreateDirectory(point, OwnerOnly);
        return point;
    }

    /// <summary>Makes it, for this user alone.</summary>
    public static string Make(string session)
    {
        string folder = Of(session);
        Directory.CreateDirectory(folder, OwnerOnly);
        // The receipt of the run before says nothing about this one.
        File.Delete(Path.Combine(folder, Receipt));
        File.WriteAllText(Path.Combine(folder, "session"), session + "\n");
        return folder;
    }

    /// <summary>Sessions that have a folder, with the folder.</summary>
    public static IEnumerable<(string Session, string Folder)> All() => Directory.EnumerateDirectories(Root())
        .Where(f => File.Exists(Path.Combine(f, "session"))).Select(f => (File.ReadAllText(Path.Combine(f, "session")).TrimEnd('\n'), f));
}
