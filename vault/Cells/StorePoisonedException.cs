using VmPod.Foundation;

namespace VmPod.Vault.Cells;

/// <summary>
/// A write or a sync failed, now or earlier in this store's life. Nothing since the last commit counts, and nothing is retried: after a
/// failed fsync the kernel may call the lost pages clean (V-61). Close the store; what was committed is found again when it is opened.
/// </summary>
public sealed class StorePoisonedException : VmPodException
{
    /// <summary>Says why.</summary>
    public StorePoisonedException(ExitCode exitCode, string reason, Exception? innerException = null)
        : base(exitCode, $"The pod's disk failed, and nothing more is written: {reason}.",
            "Check the disk and its cable, then try again; everything committed before is kept.", innerException)
    {
    }
}
