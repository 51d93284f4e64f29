using System.Globalization;
using VmPod.Audit;
using VmPod.Vault.Keys;

namespace VmPod.PodKeeper;

/// <summary>The vault's log key as the signer of the audit log; it works while the vault is locked.</summary>
internal sealed class PodLogSigner(SigningKey key, UInt128 vaultId) : IAuditSigner
{
    /// <inheritdoc/>
    public byte[] PublicKey => key.PublicKey;

    /// <inheritdoc/>
    public string Name => NameOf(vaultId);

    /// <summary>The origin of a vault's log.</summary>
    public static string NameOf(UInt128 vaultId) => string.Create(CultureInfo.InvariantCulture, $"vmpod.local/pod/{vaultId:x32}");

    /// <inheritdoc/>
    public void Sign(ReadOnlySpan<byte> message, Span<byte> signature) => key.Sign(message, signature);
}
