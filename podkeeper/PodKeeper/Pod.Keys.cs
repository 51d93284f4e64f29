using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.Secrets;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper;

/// <summary>Changing and destroying keys, each act of which is logged before it happens.</summary>
public sealed partial class Pod
{
    /// <summary>Makes this the secret that opens the pod (<see cref="PodVault.ChangeSecret"/>).</summary>
    /// <exception cref="VmPodException">Locked (4), the log or the slot cannot be written (5, 8).</exception>
    public void ChangeSecret(SecretBuffer secret, int argon2MemoryKiB, bool hasKeyFile)
    {
        AuditEvent Event(AuditOutcome outcome) => new(AuditKind.PassphraseChange, outcome)
        {
            Detail = { ["by"] = "passphrase", ["argon-kib"] = argon2MemoryKiB, ["key-file"] = hasKeyFile ? 1 : 0 },
        };
        Audit.Append(Event(AuditOutcome.Intent));
        try
        {
            Vault.ChangeSecret(secret, argon2MemoryKiB, hasKeyFile);
        }
        catch (Exception e)
        {
            TryAppend(Failure(AuditKind.PassphraseChange, null, e));
            throw;
        }
        Audit.Append(Event(AuditOutcome.Ok));
    }

    /// <summary>Gives a session a new epoch (<see cref="PodVault.Rotate"/>).</summary>
    /// <returns>Its number.</returns>
    /// <exception cref="VmPodException">Locked (4), damaged (5), the log cannot be written (5, 8).</exception>
    public uint Rotate(SessionSummary session)
    {
        string handle = session.Handle.ToString();
        Audit.Append(new AuditEvent(AuditKind.EpochChange, AuditOutcome.Intent) { Session = handle });
        try
        {
            uint number = Vault.Rotate(session.Handle);
            Audit.Append(new AuditEvent(AuditKind.EpochChange, AuditOutcome.Ok) { Session = handle, Detail = { ["epoch"] = number } });
            return number;
        }
        catch (Exception e)
        {
            TryAppend(Failure(AuditKind.EpochChange, handle, e));
            throw;
        }
    }

    /// <summary>What survives a shredding of this pod, as far as the pod knows.</summary>
    public SurvivingSlots FindSurvivors()
    {
        string homes = Path.Combine(Vault.Folder, "v1", "homes");
        int hosts = Directory.Exists(homes) ? Directory.GetDirectories(homes).Length : 0;
        return new SurvivingSlots(Vault.HasRecoverySlot(), hosts, HasTpm: false);
    }

    /// <summary>
    /// Destroys what opens a pod: device secrets, slots, keys of home hosts, the key in the agent, and at last the log key. Not to be taken back. One that a
    /// crash cut short is gone on with.
    /// </summary>
    /// <exception cref="VmPodException">No vault there (3), in use (6), the log cannot be written (5, 8): nothing was destroyed; the disk failed
    /// (5).</exception>
    public static void Shred(string folder, TimeProvider time)
    {
        try
        {
            if (PodVault.IsShredding(folder))
            {
                PodVault.ShredKeys(folder);
            }
            else
            {
                using Pod pod = Open(folder, StoreAccess.Write, time);
                pod.Audit.Append(new AuditEvent(AuditKind.Shred, AuditOutcome.Intent));
                if (RuntimeFolder.TryFind() is { } runtime)
                    _ = KeyAgentClient.TryEnd(runtime, pod.Vault.Descriptor.VaultId);
                PodVault.ShredKeys(folder);
                pod.TryAppend(new AuditEvent(AuditKind.Shred, AuditOutcome.Ok));
            }
            PodVault.ShredLogKey(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmPodException(ExitCode.Damaged, $"The pod's keys were not all destroyed: {e.Message}", "Do it again; or destroy the disk.", e);
        }
    }
}
