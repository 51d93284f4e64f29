using VmPod.Audit;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.PodKeeper;

/// <summary>Getting what is left of a damaged generation.</summary>
public sealed partial class Pod
{
    /// <summary>Gets a generation's files, or a fork's, into a new or empty folder, with holes where chunks are lost.</summary>
    /// <returns>What was written and what is lost, and the generation's number.</returns>
    /// <exception cref="Foundation.VmPodException">As <see cref="OpenSession"/> and <see cref="SnapshotSalvage.Get"/>.</exception>
    public (SnapshotSalvage.Summary Summary, ulong Generation) Salvage(
        string session, ulong? generation, string folder, IProgress<TransferProgress>? progress, CancellationToken cancel, ulong? fork = null)
    {
        using SessionReader reader = OpenSession(session, LeasePurpose.Get, generation, fork: fork);
        string handle = reader.Handle.ToString();
        try
        {
            SnapshotSalvage.Summary summary = SnapshotSalvage.Get(reader, folder, progress, cancel);
            Audit.Append(new AuditEvent(AuditKind.Get, summary.Lost.Count == 0 ? AuditOutcome.Ok : AuditOutcome.Failed)
            {
                Session = handle,
                Detail =
                {
                    ["generation"] = (long)reader.Record.Generation, ["files"] = summary.Files, ["bytes"] = summary.BytesWritten,
                    ["salvage"] = 1, ["lost-bytes"] = summary.LostBytes,
                },
            });
            return (summary, reader.Record.Generation);
        }
        catch (Exception e)
        {
            TryAppend(Failure(AuditKind.Get, handle, e));
            throw;
        }
    }
}
