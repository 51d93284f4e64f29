using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Mirrors;
using VmPod.Vault;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper;

/// <summary>Repairing a pod from another copy of it; each repair is logged before it begins.</summary>
public sealed partial class Pod
{
    private const string FetchedCopy = "v1/fetched";

    /// <summary>
    /// Fetches from another copy of the vault what is damaged or missing here: pieces of its log, then cells. Needs no passphrase. The pod stays open, and
    /// locked.
    /// </summary>
    /// <param name="folder">The pod's folder.</param>
    /// <param name="from">The folder of the other copy; null only says what is missing.</param>
    /// <param name="dryRun">Change nothing, and log nothing: the pod is opened for reading.</param>
    /// <param name="time">The clock.</param>
    /// <param name="progress">How far the hashing is.</param>
    /// <param name="cancel">Stops it; what was repaired stays.</param>
    /// <exception cref="VmPodException">No pod or no copy there (3), of another vault, or no log key here (4), damaged beyond this (5), in use (6), no space
    /// (8).</exception>
    public static (Pod Pod, LogRepairReport Log, RepairReport Cells) Repair(string folder, string? from, bool dryRun, TimeProvider time,
        IProgress<VerifyProgress>? progress, CancellationToken cancel)
    {
        bool changes = from is not null && !dryRun;
        if (from is not null)
            _ = PodVault.RepairDescriptor(folder, from, dryRun);
        if (changes)
            LogIntent(folder, time);
        LogRepairReport log = from is null ? LogRepairReport.None : PodVault.RepairLog(folder, from, dryRun);
        return Repair(folder, log, changes, time, vault => vault.Repair(from, dryRun, progress, cancel));
    }

    /// <summary>As the other form, from a copy on another machine: its log is fetched where this one's is damaged.</summary>
    /// <param name="folder">The pod's folder.</param>
    /// <param name="from">The copy.</param>
    /// <param name="dryRun">Change nothing, and log nothing.</param>
    /// <param name="time">The clock.</param>
    /// <param name="progress">How far the hashing is.</param>
    /// <param name="cancel">Stops it; what was repaired stays.</param>
    /// <exception cref="VmPodException">As the other form; the link was lost (7).</exception>
    public static (Pod Pod, LogRepairReport Log, RepairReport Cells) Repair(string folder, RemoteCopy from, bool dryRun, TimeProvider time,
        IProgress<VerifyProgress>? progress, CancellationToken cancel)
    {
        LogRepairReport log = LogRepairReport.None;
        if (!IsLogSound(folder, time, cancel))
        {
            string copy = from.FetchLog(Path.Combine(folder, FetchedCopy), cancel);
            try
            {
                _ = PodVault.RepairDescriptor(folder, copy, dryRun);
                if (!dryRun)
                    LogIntent(folder, time);
                log = PodVault.RepairLog(folder, copy, dryRun);
            }
            finally
            {
                Directory.Delete(copy, recursive: true);
            }
        }
        else if (!dryRun)
        {
            LogIntent(folder, time);
        }
        return Repair(folder, log, !dryRun, time, vault => vault.Repair(from, dryRun, progress, cancel));
    }

    private static (Pod Pod, LogRepairReport Log, RepairReport Cells) Repair(string folder, LogRepairReport log, bool changes, TimeProvider time,
        Func<PodVault, RepairReport> repair)
    {
        Pod pod = Open(folder, changes ? StoreAccess.Write : StoreAccess.Read, time);
        try
        {
            RepairReport cells = repair(pod.Vault);
            if (changes)
            {
                pod.Audit.Append(new AuditEvent(AuditKind.Repair, cells.Left.Count == 0 && log.LeftDamaged.Count == 0 ? AuditOutcome.Ok : AuditOutcome.Failed)
                {
                    Detail =
                    {
                        ["missing"] = cells.MissingCount, ["fetched"] = cells.FetchedCount, ["log-pieces"] = log.Pieces.Count,
                        ["log-bytes"] = log.Pieces.Sum(p => p.Bytes), ["slots-anew"] = log.SlotsAnew ? 1 : 0,
                    },
                });
            }
            return (pod, log, cells);
        }
        catch
        {
            pod.Dispose();
            throw;
        }
    }

    private static void LogIntent(string folder, TimeProvider time)
    {
        try
        {
            // One whose newest head is lost opens for reading only; the audit log can be written all the same.
            using Pod before = Open(folder, StoreAccess.Read, time);
            before.Audit.Append(new AuditEvent(AuditKind.Repair, AuditOutcome.Intent));
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged && e is not StorePoisonedException && !HasHead(folder, time))
        {
            // Without a slot it does not open before it is repaired: what was done is written down after.
        }
    }

    private static bool HasHead(string folder, TimeProvider time)
    {
        try
        {
            PodVault.Open(folder, StoreAccess.Read, time).Dispose();
            return true;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            return false;
        }
    }

    private static bool IsLogSound(string folder, TimeProvider time, CancellationToken cancel)
    {
        try
        {
            using PodVault vault = PodVault.Open(folder, StoreAccess.Read, time);
            return vault.Store.IsLogSound(cancel) && !vault.Store.NewestHeadLost;
        }
        catch (VmPodException e) when (e.ExitCode is ExitCode.Damaged or ExitCode.NotFound)
        {
            return false;
        }
    }
}
