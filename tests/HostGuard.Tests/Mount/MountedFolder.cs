using VmPod.HostGuard.Mount;
using Xunit;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>A mount in a fresh folder, unmounted and removed at the end. The folder's parent lets every uid through, so that it is the
/// mount that refuses.</summary>
internal sealed class MountedFolder : IDisposable
{
    private readonly string parent;

    internal MountedFolder(FuseMountOptions options, params MountedFile[] files)
    {
        parent = Directory.CreateTempSubdirectory("vmpod-mount-").FullName;
        Folder = Path.Combine(parent, "mnt");
        // By install(1): .NET's own calls for modes are marked as missing on Windows, and all code that calls them would have to be.
        (int exit, _, string errors) = Child.Run("install", "-d", "-m", "0711", parent);
        Assert.True(exit == 0, errors);
        (exit, _, errors) = Child.Run("install", "-d", "-m", "0700", Folder);
        Assert.True(exit == 0, errors);
        try
        {
            Mount = FuseMount.Start(Folder, files, options);
        }
        catch
        {
            Directory.Delete(Folder);
            Directory.Delete(parent);
            throw;
        }
    }

    internal MountedFolder(params MountedFile[] files) : this(new FuseMountOptions(), files)
    {
    }

    internal string Folder { get; }

    internal FuseMount Mount { get; }

    internal string PathOf(string name) => Path.Combine(Folder, name);

    public void Dispose()
    {
        Mount.Dispose();
        // Fails if something is still mounted there, or was left in the folder below.
        Directory.Delete(Folder);
        Directory.Delete(parent);
    }
}
