using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>Finds entries of the log: leases by id (found by reading the log's frames once, when an unknown one is asked for). Thread-safe.</summary>
internal sealed class LogIndex(CellStore store)
{
    private readonly Lock gate = new();
    private readonly Dictionary<(SessionHandle, ulong), (LeaseEntry Entry, long Offset)> leases = [];
    private long scanned;

    /// <summary>The payload of the entry at an offset, which must have this type.</summary>
    /// <exception cref="VmPodException">There is no such entry (exit 5).</exception>
    public ReadOnlySpan<byte> ReadPayload(long offset, byte type)
    {
        LogEntry entry = store.ReadEntry(offset);
        return entry.Header.Type == type ? entry.Payload.Span : throw new VmPodException(ExitCode.Damaged,
            "The vault's log names an entry that is not there.", "Run podkeeper verify; use a mirror.");
    }

    /// <summary>The entry of a lease. Null if the log has none.</summary>
    public LeaseEntry? FindLease(SessionHandle session, ulong leaseId)
    {
        lock (gate)
        {
            if (leases.TryGetValue((session, leaseId), out (LeaseEntry Entry, long Offset) known))
                return known.Entry;
            foreach (LogEntryHeader header in store.EnumerateLog(scanned))
            {
                scanned = header.Next;
                if (header.Type == LogEntryTypes.Lease && LeaseEntry.TryRead(store.ReadEntry(header.Offset).Payload.Span) is { } lease)
                    leases[(lease.Session, lease.LeaseId)] = (lease, header.Offset);
            }
            return leases.GetValueOrDefault((session, leaseId)).Entry;
        }
    }

    /// <summary>Where the entry of a lease stands that <see cref="FindLease"/> found.</summary>
    public long OffsetOfLease(SessionHandle session, ulong leaseId)
    {
        lock (gate)
            return leases[(session, leaseId)].Offset;
    }
}
