namespace VmPod.Vault.Tests.Pods;

/// <summary>An exFAT image on a loop device, as a stick has it: no holes, no modes (exfatprogs, exfat-fuse, root). Unmounted at the end.</summary>
internal sealed class ExFatDisk : IDisposable
{
    private readonly string image = System.IO.Path.GetTempFileName();
    private readonly string device;

    internal ExFatDisk(int mebibytes)
    {
        FolderTree.Run("truncate", "-s", $"{mebibytes}M", image);
        FolderTree.Run("mkfs.exfat", image);
        device = FolderTree.Run("losetup", "--show", "-f", image).Trim();
        Path = Directory.CreateTempSubdirectory("vmpod-exfat-").FullName;
        FolderTree.Run("mount.exfat-fuse", device, Path);
    }

    internal string Path { get; }

    /// <summary>Bytes that files take.</summary>
    internal long UsedBytes => new DriveInfo(Path) is var drive ? drive.TotalSize - drive.AvailableFreeSpace : 0;

    public void Dispose()
    {
        FolderTree.Run("umount", Path);
        FolderTree.Run("losetup", "-d", device);
        Directory.Delete(Path);
        File.Delete(image);
    }
}
