namespace VmPod.Audit;

/// <summary>One entry as it stands in the log.</summary>
/// <param name="Seq">Its number, from 0 without gaps.</param>
/// <param name="TimeMs">The pod's clock, in milliseconds since 1970 (UTC). Not ordered: clocks are set.</param>
/// <param name="Event">Name of the kind (<see cref="AuditKinds"/>); a later version may have more of them.</param>
/// <param name="Actor">"local", or a host's pseudonym in hex.</param>
/// <param name="Session">The session's handle in hex, or null.</param>
/// <param name="Outcome">How it went.</param>
/// <param name="Detail">Facts, sorted by name.</param>
/// <param name="Previous">Leaf hash of the entry before, in hex; 64 zeros for the first.</param>
public sealed record AuditEntry(
    long Seq,
    long TimeMs,
    string Event,
    string Actor,
    string? Session,
    AuditOutcome Outcome,
    IReadOnlyDictionary<string, AuditValue> Detail,
    string Previous)
{
    /// <summary>When, by the pod's clock.</summary>
    public DateTimeOffset Time => DateTimeOffset.FromUnixTimeMilliseconds(TimeMs);
}
