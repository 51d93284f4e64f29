namespace VmPod.Audit;

/// <summary>The pod's log key, held elsewhere: usable while the vault is locked, and no right to read anything.</summary>
public interface IAuditSigner
{
    /// <summary>The Ed25519 public key, 32 bytes.</summary>
    byte[] PublicKey { get; }

    /// <summary>Name of the key and origin of the log, for example "vmpod.local/pod/3f9a": no spaces, no plus sign.</summary>
    string Name { get; }

    /// <summary>Signs with Ed25519.</summary>
    /// <param name="message">The text of a checkpoint.</param>
    /// <param name="signature">64 bytes, to be written.</param>
    void Sign(ReadOnlySpan<byte> message, Span<byte> signature);
}
