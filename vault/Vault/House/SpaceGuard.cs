namespace VmPod.Vault.House;

/// <summary>Stops a writer that may not use the reserve, before it does. One writer's.</summary>
internal sealed class SpaceGuard(PodVault vault)
{
    // Between two looks: a look is a call to the kernel, and so much less than the least reserve of a disk that holds a session.
    private const long LookEveryBytes = 1 << 20;

    private readonly long reserve = vault.Space().ReserveBytes;
    private long unlooked = LookEveryBytes;

    /// <summary>So many bytes are about to be written.</summary>
    /// <exception cref="Foundation.VmPodException">They would come out of the reserve (8).</exception>
    public void MustFit(int bytes)
    {
        unlooked += bytes;
        if (unlooked < LookEveryBytes)
            return;
        unlooked = 0;
        var drive = new DriveInfo(Path.GetFullPath(vault.Folder));
        PodVault.MustLeaveReserve(new VaultSpace(drive.AvailableFreeSpace, drive.TotalSize, reserve));
    }
}
