using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.PodKeeper.Cli;

/// <summary>Where a verb gets the passphrase or the key from.</summary>
internal static class Unlocking
{
    /// <summary>Unlocks: with --pin-file, else with the key agent, else with an answer on the terminal.</summary>
    /// <exception cref="VmPodException">The passphrase is wrong, or there is nowhere to ask (4).</exception>
    internal static void Unlock(Pod pod, string? pinFile)
    {
        if (pinFile is null && pod.TryUnlockByAgent())
            return;
        using SecretBuffer passphrase = pinFile is null ? LockedPod.Ask("Passphrase: ", pod.Vault.Folder) : SecretInput.ReadFile(pinFile);
        Unlock(pod, passphrase);
    }

    /// <summary>Unlocks with a passphrase.</summary>
    internal static void Unlock(Pod pod, SecretBuffer passphrase)
    {
        if (!pod.TryUnlock(passphrase))
            throw Wrong(pod.Vault.AsksForKeyFile);
    }

    /// <summary>What a wrong passphrase is answered with.</summary>
    /// <param name="asksForKeyFile">The pod wants a key file too.</param>
    internal static VmPodException Wrong(bool asksForKeyFile) => asksForKeyFile
        ? new(ExitCode.Refused, "The passphrase or the key file is wrong, or the key file is missing.",
            "podkeeper unlock DIR --key-file FILE opens it for the other commands. The attempt is in the audit log.")
        : new(ExitCode.Refused, "The passphrase is wrong.", "The attempt is in the audit log.");

    /// <summary>Unlocks if --pin-file or the key agent offers to; else the pod stays locked, and the verb says less.</summary>
    internal static void UnlockIfOffered(Pod pod, string? pinFile)
    {
        if (pinFile is not null)
            Unlock(pod, pinFile);
        else if (pod.Audit.CanAppend)
            _ = pod.TryUnlockByAgent();
    }

    /// <summary>The passphrase from --pin-file or the terminal.</summary>
    internal static SecretBuffer Read(string? pinFile) =>
        pinFile is null ? SecretInput.ReadTerminal("Passphrase: ") : SecretInput.ReadFile(pinFile);

    /// <summary>As <see cref="Read(string?)"/>, with the key of a file behind it where one is named.</summary>
    internal static SecretBuffer Read(string? pinFile, string? keyFile)
    {
        if (keyFile is null)
            return Read(pinFile);
        using SecretBuffer passphrase = Read(pinFile);
        return KeyFile.Join(passphrase, keyFile);
    }

    /// <summary>A new passphrase; on the terminal it is asked for twice.</summary>
    internal static SecretBuffer ReadNew(string? pinFile)
    {
        if (pinFile is not null)
            return SecretInput.ReadFile(pinFile);
        SecretBuffer first = SecretInput.ReadTerminal("New passphrase: ");
        try
        {
            using SecretBuffer second = SecretInput.ReadTerminal("The same again: ");
            return first.FixedTimeEquals(second) ? first
                : throw new VmPodException(ExitCode.Refused, "The two answers differ.", "Try again.");
        }
        catch
        {
            first.Dispose();
            throw;
        }
    }
}
