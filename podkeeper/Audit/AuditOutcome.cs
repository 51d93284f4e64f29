namespace VmPod.Audit;

/// <summary>How it went. In an entry: the name in lower case.</summary>
public enum AuditOutcome
{
    /// <summary>It is about to be done: durable before anything leaves the pod.</summary>
    Intent,

    /// <summary>Done.</summary>
    Ok,

    /// <summary>Refused by a rule or a wrong secret.</summary>
    Refused,

    /// <summary>Tried and failed.</summary>
    Failed,
}
