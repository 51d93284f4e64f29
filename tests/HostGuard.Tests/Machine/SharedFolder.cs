using System.Security.Cryptography;

namespace VmPod.HostGuard.Tests.Machine;

/// <summary>A folder in RAM that QEMU's uid may pass through, gone when disposed.</summary>
internal sealed class SharedFolder : IDisposable
{
    public SharedFolder()
    {
        FullPath = Path.Join("/dev/shm", "vmpod-machine-" + RandomNumberGenerator.GetHexString(12, lowercase: true));
        _ = Directory.CreateDirectory(FullPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.OtherExecute);
    }

    public string FullPath { get; }

    public string this[string name] => Path.Join(FullPath, name);

    public void Dispose() => Directory.Delete(FullPath, recursive: true);
}
