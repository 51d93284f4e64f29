using System.Buffers.Binary;
using System.Security.Cryptography;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>Every derivation of the pairing (sync/SPEC.md, S-42 to S-51): SHA-256, HKDF-SHA-256 and HMAC-SHA-256 with labels.</summary>
internal static class PairingKeys
{
    /// <summary>The identity by which the one-time secret is asked for. Seen once, so it needs no day.</summary>
    internal static byte[] Identity(SecretBuffer secret)
    {
        byte[] identity = new byte[ChannelLimits.IdentityBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret.ReadOnlyBytes, identity, default, "vmpod/v1/pairing-identity\0"u8);
        return identity;
    }

    /// <summary>The external PSK of the one-time connection.</summary>
    internal static SecretBuffer TlsKey(SecretBuffer secret) => Derive(secret.ReadOnlyBytes, default, "vmpod/v1/pairing-psk\0"u8);

    /// <summary>The key that both sides keep: from the connection's exporter and from what each side said in it, with fresh randomness
    /// of both.</summary>
    internal static SecretBuffer LongTerm(ReadOnlySpan<byte> exporter, PairingWay way, ReadOnlySpan<byte> offer, ReadOnlySpan<byte> answer)
    {
        Span<byte> salt = stackalloc byte[SHA256.HashSizeInBytes];
        Hash("vmpod/v1/pairing-agreement\0"u8, [(byte)way], offer, answer, salt);
        return Derive(exporter, salt, "vmpod/v1/pairing-key\0"u8);
    }

    /// <summary>What the host sends last: proof that it has the key.</summary>
    internal static byte[] Receipt(SecretBuffer psk) => HMACSHA256.HashData(psk.ReadOnlyBytes, "vmpod/v1/pairing-receipt\0"u8);

    /// <summary>What binds the host to its nonce before it has seen anything of the pod.</summary>
    internal static void Commitment(ReadOnlySpan<byte> hostShare, ReadOnlySpan<byte> nonce, Span<byte> commitment) =>
        Hash("vmpod/v1/pairing-commitment\0"u8, hostShare, nonce, default, commitment);

    /// <summary>All that was said before the digits, from one side's view.</summary>
    internal static byte[] Transcript(ReadOnlySpan<byte> hello, ReadOnlySpan<byte> reply, ReadOnlySpan<byte> reveal)
    {
        byte[] transcript = new byte[SHA256.HashSizeInBytes];
        Hash("vmpod/v1/pairing-transcript\0"u8, hello, reply, reveal, transcript);
        return transcript;
    }

    /// <summary>The digits of a transcript: 128 bits modulo a million, so no value is likelier than another by more than 2^-108.</summary>
    internal static int Digits(ReadOnlySpan<byte> transcript)
    {
        Span<byte> bits = stackalloc byte[16];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, transcript, bits, default, "vmpod/v1/pairing-digits\0"u8);
        return (int)(BinaryPrimitives.ReadUInt128BigEndian(bits) % PairingLimits.DigitValues);
    }

    /// <summary>The one-time secret of a comparison that both people confirmed.</summary>
    internal static SecretBuffer Compared(ReadOnlySpan<byte> sharedSecrets, ReadOnlySpan<byte> transcript) =>
        Derive(sharedSecrets, transcript, "vmpod/v1/pairing-compared\0"u8);

    private static SecretBuffer Derive(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> label)
    {
        SecretBuffer derived = SecretBuffer.Create(ChannelLimits.KeyBytes, static _ => { });
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, derived.Bytes, salt, label);
        return derived;
    }

    // The parts have fixed lengths, so that their concatenation has one reading.
    private static void Hash(ReadOnlySpan<byte> label, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c, Span<byte> into)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(label);
        hash.AppendData(a);
        hash.AppendData(b);
        hash.AppendData(c);
        hash.GetHashAndReset(into);
    }
}
