using System.Security.Cryptography;

namespace VmPod.Testing;

/// <summary>A folder of mode 0700 that is gone with everything in it when it is disposed.</summary>
public sealed class TempFolder : IDisposable
{
    /// <summary>Makes the folder: on the disk (/var/tmp), or in RAM (/dev/shm) for what must not reach a disk.</summary>
    public TempFolder(bool inRam = false)
    {
        FullPath = Path.Join(inRam ? "/dev/shm" : "/var/tmp", "vmpod-test-" + RandomNumberGenerator.GetHexString(12, lowercase: true));
        Directory.CreateDirectory(FullPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>The folder.</summary>
    public string FullPath { get; }

    /// <summary>A path in the folder; nothing is created.</summary>
    public string this[params ReadOnlySpan<string> parts] => Path.Join([FullPath, .. parts]);

    /// <summary>Makes and returns a subfolder.</summary>
    public string Sub(string name) => Directory.CreateDirectory(this[name]).FullName;

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            Directory.Delete(FullPath, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // The test took it away itself: that is what some tests are about.
        }
    }

    /// <inheritdoc/>
    public override string ToString() => FullPath;
}
