using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using NSec.Cryptography;

namespace VmPod.Audit;

/// <summary>What a reader must know of a log beforehand: its name and its public key.</summary>
public sealed class AuditLogKey
{
    // Signature type of C2SP signed-note: Ed25519.
    private const byte Ed25519Type = 0x01;

    private readonly PublicKey key;

    /// <summary>The key of a log.</summary>
    /// <param name="name">The origin: 1 to <see cref="AuditLimits.NameMax"/> printable ASCII characters without space and plus
    /// sign.</param>
    /// <param name="publicKey">Ed25519, 32 bytes.</param>
    /// <exception cref="ArgumentException">The name or the key has another shape.</exception>
    public AuditLogKey(string name, ReadOnlySpan<byte> publicKey)
    {
        if (name.Length is 0 or > AuditLimits.NameMax || !name.All(c => c is > ' ' and <= '~' and not '+'))
            throw new ArgumentException("This is no name of a log.", nameof(name));
        if (!NSec.Cryptography.PublicKey.TryImport(SignatureAlgorithm.Ed25519,
            publicKey, KeyBlobFormat.RawPublicKey, out PublicKey? imported))
            throw new ArgumentException("This is no Ed25519 public key.", nameof(publicKey));
        key = imported!;
        Name = name;
        KeyId = Id(name, publicKey);
    }

    /// <summary>The origin.</summary>
    public string Name { get; }

    /// <summary>What stands before the signature: the first four bytes of SHA-256(name | 0x0A | 0x01 | public key).</summary>
    internal uint KeyId { get; }

    internal bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        SignatureAlgorithm.Ed25519.Verify(key, message, signature);

    private static uint Id(string name, ReadOnlySpan<byte> publicKey)
    {
        byte[] input = [.. Encoding.ASCII.GetBytes(name), (byte)'\n', Ed25519Type, .. publicKey];
        return BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(input));
    }
}
