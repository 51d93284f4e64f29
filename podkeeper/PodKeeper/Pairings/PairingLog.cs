using VmPod.Audit;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper.Pairings;

/// <summary>Events of pairing as entries of the audit log.</summary>
internal sealed class PairingLog(Pod pod) : IPairingLog
{
    private bool isBroken;

    /// <inheritdoc/>
    public void Record(PairingEvent entry)
    {
        try
        {
            pod.Audit.Append(Of(entry));
        }
        catch
        {
            isBroken = true;
            throw;
        }
    }

    /// <summary>True once an entry could not be written: then nobody is paired any more.</summary>
    internal bool IsBroken => isBroken;

    private AuditEvent Of(PairingEvent entry)
    {
        (AuditKind kind, AuditOutcome outcome) = entry.Kind switch
        {
            PairingEventKind.Opened => (AuditKind.PairingOpened, AuditOutcome.Ok),
            PairingEventKind.Attempt => (AuditKind.PairingAttempt, AuditOutcome.Intent),
            PairingEventKind.Paired => (AuditKind.HostPaired, AuditOutcome.Ok),
            PairingEventKind.Lost => (AuditKind.PairingFailed, AuditOutcome.Failed),
            _ => (AuditKind.PairingFailed, AuditOutcome.Refused),
        };
        var said = new AuditEvent(kind, outcome)
        {
            Detail =
            {
                ["by"] = Lower(entry.Way),
                ["role"] = Lower(entry.Role),
                ["tries-left"] = entry.TriesLeft,
            },
        };
        if (kind == AuditKind.PairingFailed)
            said.Detail["reason"] = Lower(entry.Kind);
        if (entry.PairingId is { } id)
            said.Detail["pairing"] = PodPairings.LogName(pod.Vault.Descriptor.VaultId, id);
        return said;
    }

    private static string Lower<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}
