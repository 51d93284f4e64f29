namespace VmPod.HostGuard.Session;

/// <summary>What was done when a session ended, and what could not be guaranteed. Times are ms since 1970.</summary>
public sealed record WipeReceipt
{
    /// <summary>The session's handle.</summary>
    public required string Session { get; init; }

    /// <summary>Why it ended: "suspend", "leave", "pod-gone", "lease-over" (its time, or the pod's owner ended it), "rehearsal", "shutdown",
    /// "machine-ended", "damaged" (memory), "failed".</summary>
    public required string Reason { get; init; }

    /// <summary>"suspended", "disk saved", "cut back to checkpoint N", or, of a rehearsal, that nothing was kept.</summary>
    public required string Outcome { get; init; }

    /// <summary>The generation that holds the session now.</summary>
    public required ulong Generation { get; init; }

    /// <summary>When the pod last answered.</summary>
    public long PodLastSeenMs { get; init; }

    /// <summary>When the machine's CPUs stood still.</summary>
    public long CpusStoppedMs { get; init; }

    /// <summary>When the keys were zeroed.</summary>
    public long KeysGoneMs { get; init; }

    /// <summary>When all was done.</summary>
    public long DoneMs { get; init; }

    /// <summary>Pages of guest RAM that the kernel held and that were zeroed.</summary>
    public long PagesZeroed { get; init; }

    /// <summary>Pages that the kernel still held afterwards.</summary>
    public long PagesLeft { get; init; }

    /// <summary>The folder on this host where sealed cells wait for the pod; null if there are none. hostguard residues lists them.</summary>
    public string? Residue { get; init; }

    /// <summary>What could not be guaranteed, one sentence each.</summary>
    public required IReadOnlyList<string> NotGuaranteed { get; init; }
}
