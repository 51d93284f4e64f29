namespace VmPod.Benchmarks.Transfer;

/// <summary>What a <see cref="TransferStep"/> is called, and how many times it waits for the other side.</summary>
internal static class TransferSteps
{
    /// <summary>The steps that peers take too: the others need a machine that runs.</summary>
    public static readonly IReadOnlyList<TransferStep> OfPeers = [TransferStep.FirstSync, TransferStep.FullCopy, TransferStep.LightSync];

    // TCP, TLS 1.3, HELLO, FIND or HAVE, OPEN_LEASE: one after the other (sync/SPEC.md). An end is COMMIT, LOG, receipt.
    private const int ToOpen = 5, ToEnd = 3;

    // TCP, versions, key exchange, its end, service, public key and its proof, channel, command: RFC 4253, 4252, 4254.
    private const int OfSsh = 9;

    /// <summary>Its name in tables.</summary>
    public static string NameOf(TransferStep step) => step switch
    {
        TransferStep.FirstSync => "first sync (disk)",
        TransferStep.FullCopy => "full copy",
        TransferStep.LightSyncFirst => "light sync, first visit",
        TransferStep.LightSync => "light sync",
        TransferStep.ResumeCold => "resume, first visit",
        TransferStep.ResumeAgain => "resume, later visit",
        TransferStep.SafeToLeave => "suspend to safe-to-leave",
        _ => throw new ArgumentOutOfRangeException(nameof(step)),
    };

    /// <summary>True if its bytes go to the pod.</summary>
    public static bool IsToPod(TransferStep step) => step is not (TransferStep.FullCopy or TransferStep.ResumeCold or TransferStep.ResumeAgain);

    /// <summary>Round trips that cannot be saved, whatever is moved: those of setting a link up and of its end. What an opened session asks for one thing
    /// after the other comes on top, and shows as the difference to what was measured.</summary>
    public static int RoundTrips(TransferStep step, bool isOurs) => (step, isOurs) switch
    {
        (_, false) => OfSsh,
        (TransferStep.FirstSync, _) => ToOpen + ToEnd,
        (TransferStep.LightSyncFirst or TransferStep.LightSync or TransferStep.SafeToLeave, _) => ToEnd,
        _ => ToOpen,
    };
}
