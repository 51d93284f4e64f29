using NSec.Cryptography;
using VmPod.Secrets;

namespace VmPod.Vault.Keys;

/// <summary>An Ed25519 key (RFC 8032) whose seed lives in locked memory.</summary>
public sealed class SigningKey : IDisposable
{
    /// <summary>Bytes of a public key.</summary>
    public const int PublicKeyBytes = 32;

    /// <summary>Bytes of a signature.</summary>
    public const int SignatureBytes = 64;

    private readonly Key key;

    private SigningKey(Key key)
    {
        this.key = key;
        PublicKey = key.Export(KeyBlobFormat.RawPublicKey);
    }

    /// <summary>The public key, 32 bytes.</summary>
    public byte[] PublicKey { get; }

    /// <summary>The key of a seed of 32 bytes.</summary>
    public static SigningKey FromSeed(SecretBuffer seed) => new(Key.Import(SignatureAlgorithm.Ed25519, seed.ReadOnlyBytes, KeyBlobFormat.RawPrivateKey));

    /// <summary>Signs.</summary>
    public void Sign(ReadOnlySpan<byte> message, Span<byte> signature) => SignatureAlgorithm.Ed25519.Sign(key, message, signature);

    /// <summary>True if the signature is this public key's over the message.</summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        publicKey.Length == PublicKeyBytes && signature.Length == SignatureBytes
        && TryImport(publicKey, out PublicKey? imported) && SignatureAlgorithm.Ed25519.Verify(imported!, message, signature);

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => key.Dispose();

    private static bool TryImport(ReadOnlySpan<byte> bytes, out PublicKey? imported) =>
        NSec.Cryptography.PublicKey.TryImport(SignatureAlgorithm.Ed25519, bytes, KeyBlobFormat.RawPublicKey, out imported);
}
