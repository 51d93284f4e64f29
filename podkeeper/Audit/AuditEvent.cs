namespace VmPod.Audit;

/// <summary>What is to be logged; the log adds number, time and link.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Outcome">How it went.</param>
public sealed record AuditEvent(AuditKind Kind, AuditOutcome Outcome)
{
    /// <summary>The actor of the machine that holds the pod.</summary>
    public const string Local = "local";

    /// <summary>Who: <see cref="Local"/>, or a host's pseudonym in lower-case hex (an HMAC, never its name).</summary>
    public string Actor { get; init; } = Local;

    /// <summary>The session's random handle in lower-case hex, never its name; null where no session is concerned.</summary>
    public string? Session { get; init; }

    /// <summary>Facts: counters, sequence numbers, hashes of visible things, a reason word. Never a PIN, key, name or plaintext, nor its
    /// hash.</summary>
    public SortedDictionary<string, AuditValue> Detail { get; init; } = new(StringComparer.Ordinal);
}
