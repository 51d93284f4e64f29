using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Sync.Wire;

namespace VmPod.PodKeeper.Serving;

/// <summary>What a host may say in the pod's log: what became of its own session, in numbers. The entry's actor says that it is a host's word.</summary>
internal static class HostEntry
{
    // Names that the pod itself writes.
    private const string LeaseName = "lease";

    /// <summary>The entry of a LOG, whose kind is the number of an <see cref="AuditKind"/>.</summary>
    /// <exception cref="VmPodException">Not of a host, or not in the form of an entry (4).</exception>
    internal static AuditEvent Of(ServedLease lease, LogRequest request)
    {
        var kind = (AuditKind)request.Kind;
        if (kind is not (AuditKind.SessionStart or AuditKind.SessionResume or AuditKind.SessionSuspend or AuditKind.SessionCheckpoint
            or AuditKind.SessionLeave or AuditKind.SessionKill))
            throw Refused("that it may not say");
        AuditEvent entry = lease.Event(kind, AuditOutcome.Ok);
        foreach (LogNumber number in request.Numbers)
        {
            if (number.Value is < 0 or > AuditLimits.NumberMax || number.Name == LeaseName || !IsName(number.Name)
                || !entry.Detail.TryAdd(number.Name, number.Value))
                throw Refused("whose numbers have no form of an entry");
        }
        return entry;
    }

    // P-05.
    private static bool IsName(string name) => name.Length is >= 1 and <= AuditLimits.DetailNameMax && char.IsAsciiLetterLower(name[0])
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private static VmPodException Refused(string what) => new(ExitCode.Refused, $"The host sent an entry for the log {what}.");
}
