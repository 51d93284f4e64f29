using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Words;

namespace VmPod.PodKeeper;

/// <summary>Recovery words, each use of which is logged.</summary>
public sealed partial class Pod
{
    private const string ByWords = "recovery-words";

    /// <summary>
    /// Opens a pod with its recovery words, gives it a new passphrase and new device secrets, and ends all leases. Left unlocked. If it fails in the middle,
    /// it can be done again.
    /// </summary>
    /// <param name="folder">The pod's folder; v1/nv and v1/slots may be missing.</param>
    /// <param name="words">The words.</param>
    /// <param name="passphrase">The new passphrase.</param>
    /// <param name="argon2MemoryKiB">What a guess of it costs.</param>
    /// <param name="acceptsDamage">Go on though the vault's log is damaged.</param>
    /// <param name="time">The clock.</param>
    /// <returns>The pod, and how many leases were open.</returns>
    /// <exception cref="VmPodException">As <see cref="PodVault.OpenByWords"/>; the audit log cannot be written (5, 8).</exception>
    public static (Pod Pod, int LeasesEnded) Recover(string folder, RecoveryWords words, SecretBuffer passphrase, int argon2MemoryKiB, bool acceptsDamage,
        TimeProvider time)
    {
        PodVault vault;
        try
        {
            vault = PodVault.OpenByWords(folder, words, acceptsDamage, time);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Refused)
        {
            LogWrongWords(folder, time);
            throw;
        }
        var pod = new Pod(vault, StoreAccess.Write, time);
        try
        {
            pod.Audit.Append(
                new AuditEvent(AuditKind.UnlockOk, AuditOutcome.Ok) { Detail = { ["by"] = ByWords } },
                new AuditEvent(AuditKind.PassphraseChange, AuditOutcome.Intent) { Detail = { ["by"] = ByWords } });
            vault.SaveNewSecrets(passphrase, argon2MemoryKiB);
            int ended = vault.FenceLeases();
            pod.Audit.Append(new AuditEvent(AuditKind.PassphraseChange, AuditOutcome.Ok)
            {
                Detail = { ["by"] = ByWords, ["device-secrets"] = "new", ["leases-ended"] = ended },
            });
            return (pod, ended);
        }
        catch
        {
            pod.Dispose();
            throw;
        }
    }

    /// <summary>Makes these the pod's recovery words; those before them open nothing any more.</summary>
    /// <exception cref="VmPodException">Locked (4), the log cannot be written (5, 8).</exception>
    public void SetRecoveryWords(RecoveryWords words)
    {
        Audit.Append(new AuditEvent(AuditKind.SlotChange, AuditOutcome.Intent) { Detail = { ["slot"] = ByWords } });
        Vault.SetRecoveryWords(words);
        Audit.Append(new AuditEvent(AuditKind.SlotChange, AuditOutcome.Ok) { Detail = { ["slot"] = ByWords } });
    }

    // A copy without the pod's own secrets has no key to log with.
    private static void LogWrongWords(string folder, TimeProvider time)
    {
        try
        {
            using Pod pod = Open(folder, StoreAccess.Write, time);
            pod.LogUnlock(isRight: false, ByWords);
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
            // That the words are wrong is what the caller must hear.
        }
    }
}
