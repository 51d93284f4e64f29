using VmPod.Foundation;
using VmPod.Vault.Cells;

namespace VmPod.Vault.Keys;

/// <summary>Signs heads with the pod's log key, and verifies them with the public key of the descriptor.</summary>
internal sealed class LogAuthority(SigningKey? logKey, byte[] publicKey) : IHeadAuthority
{
    private SigningKey? key = logKey;

    /// <summary>The log key. Null for a copy without the pod's device secrets.</summary>
    public SigningKey? Key => key;

    /// <summary>Gives a copy the log key that its recovery words opened; it must be the one that the descriptor names.</summary>
    public void Restore(SigningKey opened) => key = opened;

    /// <inheritdoc/>
    public void Sign(ReadOnlySpan<byte> message, Span<byte> signature)
    {
        if (key is null)
            throw new VmPodException(ExitCode.Refused, "This copy of the vault has no log key: it cannot be written here.", "Use the pod itself.");
        key.Sign(message, signature);
    }

    /// <inheritdoc/>
    public bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) => SigningKey.Verify(publicKey, message, signature);
}
