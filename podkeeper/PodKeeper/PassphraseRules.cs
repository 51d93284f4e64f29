using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.PodKeeper;

/// <summary>What a pod without a TPM asks of a passphrase.</summary>
public static class PassphraseRules
{
    /// <summary>Refuses a passphrase that guesses would find.</summary>
    /// <exception cref="VmPodException">It is too short (4).</exception>
    public static void Check(SecretBuffer passphrase)
    {
        if (passphrase.Length < PodLimits.PassphraseBytesMin)
            throw new VmPodException(ExitCode.Refused,
                $"The passphrase is shorter than {PodLimits.PassphraseBytesMin} bytes. This pod has no TPM that counts guesses: "
                + "whoever copies the folder can try all short PINs.",
                "Take four or more random words, or say --weak-passphrase if nothing in this pod needs protection.");
    }
}
