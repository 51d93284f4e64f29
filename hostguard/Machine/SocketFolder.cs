using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using VmPod.Foundation;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// The sockets of one run that other programs connect to, in a folder for hostguard's user alone. QEMU inherits them listening and cannot
/// reach the folder: a compromised QEMU cannot put another socket in their place.
/// </summary>
internal sealed class SocketFolder : IDisposable
{
    /// <summary>The serial console.</summary>
    public const string Console = "console.sock";

    /// <summary>The witness port.</summary>
    public const string Agent = "agent.sock";

    private readonly string _folder;
    private readonly List<Socket> _listeners = [];

    private SocketFolder(string folder) => _folder = folder;

    /// <summary>The listening sockets: console, then agent if there is one.</summary>
    public IEnumerable<SafeHandle> Handles => _listeners.Select(listener => (SafeHandle)listener.SafeHandle);

    /// <summary>Makes the folder if needed, and the sockets anew.</summary>
    /// <exception cref="VmPodException">The folder is open to others (exit code 4), or its name is too long for a socket (exit code
    /// 2).</exception>
    public static SocketFolder Open(MachineSpec spec)
    {
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException();
        const UnixFileMode ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        string folder = Path.GetFullPath(spec.RunFolder);
        if (Encoding.UTF8.GetByteCount(Path.Combine(folder, Console)) > MachineLimits.SocketPathBytesMax)
            throw new VmPodException(ExitCode.Usage, "The name of the folder for this run is too long for a socket.",
                "Choose a shorter one.");
        _ = Directory.CreateDirectory(folder, ownerOnly);
        if ((File.GetUnixFileMode(folder) & ~ownerOnly) != 0)
            throw new VmPodException(ExitCode.Refused, "The folder for this run is open to other users.", $"chmod 700 {folder}");
        var sockets = new SocketFolder(folder);
        try
        {
            sockets.Listen(Console);
            if (spec.Shape.TestAgent)
                sockets.Listen(Agent);
            return sockets;
        }
        catch
        {
            sockets.Dispose();
            throw;
        }
    }

    /// <summary>Where a socket is.</summary>
    public string PathOf(string name) => Path.Combine(_folder, name);

    /// <summary>Closes the sockets and removes them.</summary>
    public void Dispose()
    {
        foreach (Socket listener in _listeners)
            listener.Dispose();         // .NET removes the socket file that it bound
    }

    private void Listen(string name)
    {
        File.Delete(PathOf(name));      // left over from a run that was killed
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listeners.Add(listener);
        listener.Bind(new UnixDomainSocketEndPoint(PathOf(name)));
        listener.Listen(4);
    }
}
