namespace VmPod.Vault.Tests.Pods;

/// <summary>A file system without holes (ramfs; needs root, as CI has it), unmounted at the end.</summary>
internal sealed class RamDisk : IDisposable
{
    internal RamDisk()
    {
        Path = Directory.CreateTempSubdirectory("vmpod-ramfs-").FullName;
        FolderTree.Run("mount", "-t", "ramfs", "ramfs", Path);
    }

    internal string Path { get; }

    public void Dispose()
    {
        FolderTree.Run("umount", "--lazy", Path);
        Directory.Delete(Path);
    }
}
