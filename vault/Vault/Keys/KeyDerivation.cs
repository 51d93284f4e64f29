using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using VmPod.Secrets;

namespace VmPod.Vault.Keys;

/// <summary>HKDF-SHA-256 (RFC 5869) with VmPod's labels: every key but the random ones comes from here.</summary>
internal static class KeyDerivation
{
    /// <summary>Bytes of every symmetric key.</summary>
    public const int KeyBytes = 32;

    /// <summary>Fills <paramref name="output"/> from a key, a salt, a label and a context. The label names the purpose, so that no two
    /// purposes share a key.</summary>
    public static void Derive(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt, string label, UInt128 vaultId, ReadOnlySpan<byte> context, Span<byte> output)
    {
        Span<byte> info = stackalloc byte[128];
        int n = Encoding.ASCII.GetBytes("vmpod/v1/", info);
        n += Encoding.ASCII.GetBytes(label, info[n..]);
        info[n++] = 0;
        BinaryPrimitives.WriteUInt128BigEndian(info[n..], vaultId);
        n += 16;
        context.CopyTo(info[n..]);
        n += context.Length;
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, output, salt, info[..n]);
    }

    /// <summary>A derived key of 32 bytes in locked memory.</summary>
    public static SecretBuffer Derive(SecretBuffer key, string label, UInt128 vaultId, ReadOnlySpan<byte> salt = default)
    {
        SecretBuffer output = SecretBuffer.Create(KeyBytes, static _ => { });
        Derive(key.ReadOnlyBytes, salt, label, vaultId, default, output.Bytes);
        return output;
    }
}
