using System.Globalization;
using VmPod.Foundation;

namespace VmPod.PodKeeper.Agent;

/// <summary>
/// The folder of this user's key agents: /run/vmpod for root, $XDG_RUNTIME_DIR/vmpod for others. In RAM, gone at logout or reboot, open to
/// its owner alone.
/// </summary>
public sealed class RuntimeFolder
{
    private const string RootsFolder = "/run/vmpod", Variable = "XDG_RUNTIME_DIR", Name = "vmpod";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private RuntimeFolder(string path) => Path = path;

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>This user's, made if need be.</summary>
    /// <exception cref="VmPodException">There is no place for it (9), or it is not this user's alone (4).</exception>
    public static RuntimeFolder Make()
    {
        string path = Locate()
            ?? throw new VmPodException(ExitCode.Missing, "There is no XDG_RUNTIME_DIR: no place in RAM that is this user's alone.",
            "Log in through a session manager (systemd-logind), or give the passphrase to each command with --pin-file.");
        return At(path);
    }

    /// <summary>This user's, if it is there. Null also where it could not be.</summary>
    /// <exception cref="VmPodException">It is not this user's alone (4).</exception>
    public static RuntimeFolder? TryFind() => Locate() is { } path && Directory.Exists(path) ? Checked(path) : null;

    /// <summary>A folder at this path, made if need be.</summary>
    internal static RuntimeFolder At(string path)
    {
        Directory.CreateDirectory(path, OwnerOnly);
        return Checked(path);
    }

    /// <summary>The socket of the agent of a vault.</summary>
    /// <exception cref="VmPodException">The path is too long for a socket (9).</exception>
    internal string SocketOf(UInt128 vaultId) => FileOf(vaultId, "sock");

    /// <summary>The file whose lock the agent of a vault holds while it lives.</summary>
    internal string LockOf(UInt128 vaultId) => FileOf(vaultId, "lock");

    /// <summary>The control socket of the server of a vault.</summary>
    /// <exception cref="VmPodException">The path is too long for a socket (9).</exception>
    internal string ControlOf(UInt128 vaultId) => FileOf(vaultId, "ctl");

    /// <summary>The file that says where the server of a vault listens: one line, host:port.</summary>
    public string AddressFileOf(UInt128 vaultId) => FileOf(vaultId, "address");

    private static string? Locate() => OwnProcess.User == 0 ? RootsFolder
        : Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } parent && System.IO.Path.IsPathRooted(parent)
            ? System.IO.Path.Combine(parent, Name)
            : null;

    // Somebody else's folder, or one that others may enter, could hold somebody else's agent.
    private static RuntimeFolder Checked(string path)
    {
        (uint owner, UnixFileMode mode, bool isFolder) = OwnProcess.Look(path);
        if (!isFolder || owner != OwnProcess.User || mode != OwnerOnly)
            throw new VmPodException(ExitCode.Refused, $"{path} is not this user's alone.", $"Remove it, or: chmod 700 {path}");
        return new RuntimeFolder(path);
    }

    private string FileOf(UInt128 vaultId, string extension)
    {
        string path = System.IO.Path.Combine(Path, string.Create(CultureInfo.InvariantCulture, $"{vaultId:x32}.{extension}"));
        return System.Text.Encoding.UTF8.GetByteCount(path) <= PodLimits.SocketPathMax ? path
            : throw new VmPodException(ExitCode.Missing, $"The path {Path} is too long for a socket.",
                "Set XDG_RUNTIME_DIR to a shorter one.");
    }
}
