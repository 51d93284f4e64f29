using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper;

/// <summary>A file that remembers the newest head that was seen of this pod, kept elsewhere: what freshness rests on where there is no NV counter.</summary>
public sealed partial class Pod
{
    /// <summary>
    /// Compares the pod with what the file saw, and lets the file see it as it is now; the first time it only sees. An older or another history is logged as
    /// an alarm, and the file stays as it was.
    /// </summary>
    /// <returns>What the pod is to the file; null the first time.</returns>
    /// <exception cref="VmPodException">The file is none, or of another pod (4), the log is damaged (5), the file cannot be written (5, 8).</exception>
    public WitnessVerdict? ShowTo(string witness, CancellationToken cancel)
    {
        WitnessVerdict? verdict = null;
        try
        {
            if (File.Exists(witness))
            {
                byte[] text = new byte[WitnessedHead.TextBytesMax + 1];
                int length;
                using (var file = new FileStream(witness, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0))
                    length = file.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
                WitnessedHead seen = WitnessedHead.TryRead(text.AsSpan(0, length)) ?? throw new VmPodException(ExitCode.Refused, $"{witness} is no witness.",
                    "Name the file that was made with this pod, or one that does not exist.");
                verdict = seen.Judge(Vault.Store, cancel);
            }
            if (verdict is WitnessVerdict.Older or WitnessVerdict.Forked)
            {
                TryAppend(new AuditEvent(verdict == WitnessVerdict.Older ? AuditKind.RollbackAlarm : AuditKind.ForkAlarm, AuditOutcome.Failed)
                {
                    Detail = { ["head"] = (long)Math.Min(Vault.Store.Head.Seq, (ulong)AuditLimits.NumberMax) },
                });
                return verdict;
            }
            PrivateFile.Replace(witness, WitnessedHead.Of(Vault.Store).ToText());
            return verdict;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmPodException(e is IOException io && Libc.IsNoSpace(io) ? ExitCode.NoSpace : ExitCode.Damaged,
                $"{witness} cannot be written: {e.Message}", "Name a file on another disk.", e);
        }
    }
}
