using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Snapshots;

/// <summary>Storing what one session has as the first generation of another.</summary>
public sealed partial class SnapshotWriter
{
    /// <summary>Stores all of an opened generation or fork under the lease of a new session, and commits it. The lease is closed.</summary>
    /// <param name="lease">A lease of a session that has no commit yet.</param>
    /// <param name="from">What is stored; it stays as it is. A draft becomes a disk-only generation: its memory is of an earlier instant than its disks
    /// (rule 2).</param>
    /// <param name="label">Why.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancel">Stops it; the vault is as it was once the lease is closed.</param>
    internal static CommitSummary Copy(SessionLease lease, SessionReader from, string label, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        // Before the first chunk: it says how they are stored.
        if (SessionLease.IsStoredAlone(from))
            lease.StoreAlone();
        var writer = new SnapshotWriter(lease, progress);
        writer.EncodeAll(from, cancel);
        writer.CopyInternal(from, static key => key.Stream is not (InternalStream.Policy or InternalStream.Padding));
        return lease.Commit(from.Record.Kind == GenerationKind.Draft ? GenerationKind.DiskOnly : from.Record.Kind, label, from.Streams, close: true);
    }
}
