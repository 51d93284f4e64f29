using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.House;

namespace VmPod.Vault;

/// <summary>Room on the pod's disk (rule 21, V-167): warned of early, and some kept, so that a session that runs can always be suspended.</summary>
public sealed partial class PodVault
{
    // A light suspend of a busy guest (vault/MEASUREMENTS.md), several times over.
    private const long ReserveBytesMin = 64L << 20;

    // On a small disk it must leave most of it for what it is there for.
    private const int ReserveShareMax = 10;

    // Suspends of a session that tell how large one is.
    private const int CheckpointsLooked = 8;

    /// <summary>How much room there is. Needs no key.</summary>
    public VaultSpace Space()
    {
        var drive = new DriveInfo(Path.GetFullPath(Folder));
        long reserve = Math.Max(ReserveBytesMin, Store.Head.Sessions.Select(LargestCheckpoint).DefaultIfEmpty().Max());
        return new VaultSpace(drive.AvailableFreeSpace, drive.TotalSize, Math.Min(reserve, drive.TotalSize / ReserveShareMax));
    }

    /// <summary>As <see cref="Space"/>, for who asks often: where more is free than any reserve, the log is not read for it, and the reserve is the largest
    /// that there can be.</summary>
    public VaultSpace SpaceNow()
    {
        var drive = new DriveInfo(Path.GetFullPath(Folder));
        long most = drive.TotalSize / ReserveShareMax;
        return drive.AvailableFreeSpace >= most ? new VaultSpace(drive.AvailableFreeSpace, drive.TotalSize, most) : Space();
    }

    /// <summary>Refuses what would leave less than the reserve.</summary>
    /// <exception cref="VmPodException">It would (8).</exception>
    internal static void MustLeaveReserve(VaultSpace space)
    {
        if (!space.IsKeptOnly)
            return;
        throw new VmPodException(ExitCode.NoSpace,
            $"The pod is full: what is left ({space.FreeBytes >> 20} MiB) is kept for suspending a session.",
            "Forget generations that are no longer needed (podkeeper forget) and run podkeeper gc, or use a larger disk.");
    }

    private void MustLeaveReserve() => MustLeaveReserve(SpaceNow());

    // What the newest checkpoints of a session added, its first apart: that one was the whole machine.
    private long LargestCheckpoint(SessionEntry row)
    {
        long largest = 0;
        FoundCommit? commit = row.GenerationOffset >= 0 ? TryReadCommit(row.GenerationOffset, row.GenerationHash) : null;
        for (int i = 0; i < CheckpointsLooked && commit is not null && commit.Record.ParentOffset != ulong.MaxValue; i++, commit = BeforeIn(commit.Record))
        {
            if (commit.Record.Kind == GenerationKind.Checkpoint)
                largest = Math.Max(largest, (long)commit.Record.AddedCount * Descriptor.CellBytes);
        }
        return largest;
    }
}
