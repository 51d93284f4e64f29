namespace VmPod.Benchmarks.Transfer;

/// <summary>What is timed.</summary>
internal enum TransferStep
{
    /// <summary>To the pod: a disk that it has not seen.</summary>
    FirstSync,

    /// <summary>From the pod: the whole session, until the host needs nothing more.</summary>
    FullCopy,

    /// <summary>To the pod: a session after light work that began with the first visit to this host.</summary>
    LightSyncFirst,

    /// <summary>To the pod: the same at a later visit.</summary>
    LightSync,

    /// <summary>From the pod: until the guest answers, at the first visit.</summary>
    ResumeCold,

    /// <summary>From the pod: until the guest answers, at later visits.</summary>
    ResumeAgain,

    /// <summary>To the pod: from the wish to leave until one may, with live sync having caught up.</summary>
    SafeToLeave,
}
