namespace VmPod.Audit;

/// <summary>Which entries to list; what is null does not narrow.</summary>
/// <param name="Since">At or after this time of the pod's clock.</param>
/// <param name="Event">Of this kind, by its name in the log.</param>
/// <param name="Session">Of this session handle.</param>
public sealed record AuditFilter(DateTimeOffset? Since = null, string? Event = null, string? Session = null)
{
    internal bool Takes(AuditEntry entry) =>
        (Since is null || entry.Time >= Since)
        && (Event is null || entry.Event == Event)
        && (Session is null || entry.Session == Session);
}
