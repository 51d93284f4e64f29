using System.Security.Cryptography;
using VmPod.Secrets;

namespace VmPod.Vault.Keys;

/// <summary>
/// A random key sealed under the one above it: salt 16 | AES-256-GCM ciphertext 32 | tag 16. The wrapping key is HKDF(parent, salt, label, context) and
/// serves once, so the nonce is zero; the context (ids, offsets) is bound into the key.
/// </summary>
internal static class KeyWrap
{
    /// <summary>Bytes of a wrapped key.</summary>
    public const int WrappedBytes = SaltBytes + KeyDerivation.KeyBytes + TagBytes;

    private const int SaltBytes = 16, TagBytes = 16, NonceBytes = 12;

    /// <summary>Seals a key of 32 bytes.</summary>
    public static byte[] Wrap(SecretBuffer parent, SecretBuffer child, string label, UInt128 vaultId, ReadOnlySpan<byte> context)
    {
        byte[] wrapped = new byte[WrappedBytes];
        Seal(parent, child.ReadOnlyBytes, label, vaultId, context, wrapped);
        return wrapped;
    }

    /// <summary>Opens a wrapped key. Null if it does not authenticate.</summary>
    public static SecretBuffer? TryUnwrap(SecretBuffer parent, ReadOnlySpan<byte> wrapped, string label, UInt128 vaultId, ReadOnlySpan<byte> context)
    {
        SecretBuffer child = SecretBuffer.Create(KeyDerivation.KeyBytes, static _ => { });
        if (TryOpen(parent, wrapped, label, vaultId, context, child.Bytes))
            return child;
        child.Dispose();
        return null;
    }

    /// <summary>Seals some bytes: salt, ciphertext of the same length, tag.</summary>
    public static void Seal(SecretBuffer parent, ReadOnlySpan<byte> plaintext, string label, UInt128 vaultId, ReadOnlySpan<byte> context, Span<byte> into)
    {
        RandomNumberGenerator.Fill(into[..SaltBytes]);
        using SecretBuffer key = SecretBuffer.Create(KeyDerivation.KeyBytes, static _ => { });
        KeyDerivation.Derive(parent.ReadOnlyBytes, into[..SaltBytes], label, vaultId, context, key.Bytes);
        using var aes = new AesGcm(key.ReadOnlyBytes, TagBytes);
        Span<byte> nonce = stackalloc byte[NonceBytes];
        nonce.Clear();
        aes.Encrypt(nonce, plaintext, into.Slice(SaltBytes, plaintext.Length), into.Slice(SaltBytes + plaintext.Length, TagBytes));
    }

    /// <summary>Opens what <see cref="Seal"/> made. False if it does not authenticate.</summary>
    public static bool TryOpen(SecretBuffer parent, ReadOnlySpan<byte> @sealed, string label, UInt128 vaultId, ReadOnlySpan<byte> context, Span<byte> plaintext)
    {
        if (@sealed.Length != SaltBytes + plaintext.Length + TagBytes)
            return false;
        using SecretBuffer key = SecretBuffer.Create(KeyDerivation.KeyBytes, static _ => { });
        KeyDerivation.Derive(parent.ReadOnlyBytes, @sealed[..SaltBytes], label, vaultId, context, key.Bytes);
        using var aes = new AesGcm(key.ReadOnlyBytes, TagBytes);
        Span<byte> nonce = stackalloc byte[NonceBytes];
        nonce.Clear();
        try
        {
            aes.Decrypt(nonce, @sealed.Slice(SaltBytes, plaintext.Length), @sealed[(SaltBytes + plaintext.Length)..], plaintext);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    /// <summary>Bytes that <see cref="Seal"/> makes of <paramref name="length"/>.</summary>
    public static int SealedBytes(int length) => SaltBytes + length + TagBytes;
}
