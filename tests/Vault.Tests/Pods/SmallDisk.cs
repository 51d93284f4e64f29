namespace VmPod.Vault.Tests.Pods;

/// <summary>A file system of a fixed small size (tmpfs; needs root, as CI has it), unmounted at the end.</summary>
internal sealed class SmallDisk : IDisposable
{
    internal SmallDisk(int mebibytes)
    {
        Path = Directory.CreateTempSubdirectory("vmpod-small-").FullName;
        FolderTree.Run("mount", "-t", "tmpfs", "-o", $"size={mebibytes}m", "tmpfs", Path);
    }

    internal string Path { get; }

    public void Dispose()
    {
        // Lazily: what holds a file of it for a moment more must not fail the test.
        FolderTree.Run("umount", "--lazy", Path);
        Directory.Delete(Path);
    }
}
