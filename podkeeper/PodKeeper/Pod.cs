using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.Secrets;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Words;

namespace VmPod.PodKeeper;

/// <summary>
/// A pod as a folder of this machine: the vault, and the audit log without which none of its keys is used (rules 19 and 35).
/// </summary>
/// <remarks>
/// What it is not: a server. While a folder is unlocked here, this host holds the vault's keys; a foreign host must not have it.
/// <code>
///   Init / Open -> locked --TryUnlock, TryUnlockByAgent--> unlocked --BeginLease--> SessionLease --EndLease-->
///                                                                   `-OpenSession-> SessionReader
/// </code>
/// Order, everywhere: an entry that says what is about to be done, durable; then the keys; then an entry that says how it went.
/// Use <see cref="BeginLease"/> and <see cref="OpenSession"/> of this class, never those of <see cref="Vault"/>: those do not log.
/// </remarks>
public sealed partial class Pod : IDisposable
{
    private Pod(PodVault vault, StoreAccess access, TimeProvider time)
    {
        Vault = vault;
        Audit = new AuditTrail(vault, access, time);
        Host = HostPseudonym.For(vault.Descriptor.VaultId);
    }

    /// <summary>The vault.</summary>
    public PodVault Vault { get; }

    /// <summary>The audit log.</summary>
    public AuditTrail Audit { get; }

    /// <summary>What the vault calls this machine and this boot.</summary>
    public UInt128 Host { get; }

    /// <summary>Makes a pod in a new or empty folder, and leaves it unlocked in this process.</summary>
    /// <exception cref="VmPodException">The folder holds something (4), or no space (8).</exception>
    public static Pod Init(string folder, SecretBuffer passphrase, VaultOptions options, TimeProvider time, RecoveryWords? words = null)
    {
        PodVault vault = PodVault.Create(folder, passphrase, options, time, words);
        try
        {
            AuditTrail.Create(vault, time);
            var pod = new Pod(vault, StoreAccess.Write, time);
            pod.Audit.Append(new AuditEvent(AuditKind.PodInit, AuditOutcome.Ok)
            {
                Detail = { ["cell-bytes"] = options.CellBytes, ["argon-kib"] = options.Argon2MemoryKiB, ["recovery"] = words is null ? 0 : 1 },
            });
            return pod;
        }
        catch
        {
            vault.Dispose();
            throw;
        }
    }

    /// <summary>Opens a pod, locked.</summary>
    /// <exception cref="VmPodException">No vault there (3), damaged (5), in use (6), newer format (4).</exception>
    public static Pod Open(string folder, StoreAccess access, TimeProvider time) => Over(PodVault.Open(folder, access, time), access, time);

    /// <summary>A pod over a vault that was opened, which is the pod's from now on.</summary>
    internal static Pod Over(PodVault vault, StoreAccess access, TimeProvider time) => new(vault, access, time);

    /// <summary>Unlocks with the passphrase; logged either way. False if it is wrong.</summary>
    /// <exception cref="VmPodException">Slot or keys are damaged (5), or the log cannot be written (5, 6, 8): then the pod stays
    /// locked.</exception>
    public bool TryUnlock(SecretBuffer passphrase)
    {
        bool isRight = Vault.TryUnlock(passphrase);
        LogUnlock(isRight, "passphrase");
        return isRight;
    }

    /// <summary>Unlocks with the key that this user's key agent keeps (podkeeper unlock). False if there is none.</summary>
    /// <exception cref="VmPodException">As for <see cref="TryUnlock"/>.</exception>
    public bool TryUnlockByAgent()
    {
        if (RuntimeFolder.TryFind() is not { } folder || KeyAgentClient.TryFetch(folder, Vault.Descriptor.VaultId) is not { } root)
            return false;
        Vault.UnlockWithRoot(root);
        LogUnlock(isRight: true, "agent");
        return true;
    }

    /// <summary>Zeroes the keys and gives vault and log back. Leases that are open keep theirs until they end.</summary>
    public void Dispose()
    {
        Audit.Dispose();
        Vault.Dispose();
    }

    private void LogUnlock(bool isRight, string by)
    {
        try
        {
            Audit.Append(isRight
                ? new AuditEvent(AuditKind.UnlockOk, AuditOutcome.Ok) { Detail = { ["by"] = by } }
                : new AuditEvent(AuditKind.UnlockFail, AuditOutcome.Refused)
                {
                    Detail = { ["by"] = by, ["failures"] = Audit.FailuresSinceUnlock() + 1 },
                });
        }
        catch
        {
            // Nobody has seen a key yet, and nobody will.
            Vault.Lock();
            throw;
        }
    }
}
