using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Vault;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper;

/// <summary>Repairing a pod from another copy of it; each repair is logged before it begins.</summary>
public sealed partial class Pod
{
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
        if (changes)
        {
            // One whose newest head is lost opens for reading only; the audit log can be written all the same.
            using Pod before = Open(folder, StoreAccess.Read, time);
            before.Audit.Append(new AuditEvent(AuditKind.Repair, AuditOutcome.Intent));
        }
        LogRepairReport log = from is null ? LogRepairReport.None : PodVault.RepairLog(folder, from, dryRun);
        Pod pod = Open(folder, changes ? StoreAccess.Write : StoreAccess.Read, time);
        try
        {
            RepairReport cells = pod.Vault.Repair(from, dryRun, progress, cancel);
            if (changes)
            {
                pod.Audit.Append(new AuditEvent(AuditKind.Repair, cells.Left.Count == 0 && log.LeftDamaged.Count == 0 ? AuditOutcome.Ok : AuditOutcome.Failed)
                {
                    Detail =
                    {
                        ["missing"] = cells.MissingCount, ["fetched"] = cells.FetchedCount, ["log-pieces"] = log.Pieces.Count,
                        ["log-bytes"] = log.Pieces.Sum(p => p.Bytes),
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
}
