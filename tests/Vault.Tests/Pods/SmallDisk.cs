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
        FolderTree.Run("umount", Path);
        Directory.Delete(Path);
    }
}
