using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Kems;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math.EC.Rfc7748;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>The host's half of the exchange before the digits: pure, no network. Order: <see cref="Hello"/>,
/// <see cref="TryReveal"/>, <see cref="Secret"/>.</summary>
/// <remarks>Known limit: the ML-KEM key lies in BouncyCastle's own arrays until it is collected; it serves one attempt.</remarks>
internal sealed class DigitsHost : IDisposable
{
    private readonly MLKemPrivateKeyParameters kem;
    private readonly SecretBuffer x25519 = SecretBuffer.Random(DigitsFormat.X25519Bytes);
    private readonly SecretBuffer shared = SecretBuffer.Create(DigitsFormat.SharedBytes, static _ => { });
    private readonly byte[] nonce = RandomNumberGenerator.GetBytes(PairingLimits.NonceBytes);
    private readonly byte[] transcript = new byte[SHA256.HashSizeInBytes];

    internal DigitsHost()
    {
        using (SecretBuffer random = SecretBuffer.Random(64))
        using (var seed = new PinnedBytes(random.ReadOnlyBytes))
            kem = MLKemPrivateKeyParameters.FromSeed(MLKemParameters.ml_kem_768, seed.Array);
        Hello = new byte[DigitsFormat.HelloBytes];
        DigitsFormat.HelloMagic.CopyTo(Hello);
        kem.GetPublicKeyEncoded().CopyTo(Hello, DigitsFormat.MagicBytes);
        X25519.GeneratePublicKey(x25519.ReadOnlyBytes, Hello.AsSpan(DigitsFormat.MagicBytes + DigitsFormat.EncapsulationKeyBytes, DigitsFormat.X25519Bytes));
        PairingKeys.Commitment(Hello.AsSpan(0, DigitsFormat.HostShareBytes), nonce, Hello.AsSpan(DigitsFormat.HostShareBytes));
    }

    /// <summary>The first message.</summary>
    internal byte[] Hello { get; }

    /// <summary>What to show, after the reveal.</summary>
    internal int Digits => PairingKeys.Digits(transcript);

    /// <summary>Takes the pod's reply and gives the last message. False if the reply is none.</summary>
    internal bool TryReveal(ReadOnlySpan<byte> reply, out byte[] reveal)
    {
        reveal = [];
        if (reply.Length != DigitsFormat.ReplyBytes || !reply.StartsWith(DigitsFormat.ReplyMagic))
            return false;
        ReadOnlySpan<byte> ciphertext = reply.Slice(DigitsFormat.MagicBytes, DigitsFormat.CiphertextBytes);
        ReadOnlySpan<byte> peer = reply.Slice(DigitsFormat.MagicBytes + DigitsFormat.CiphertextBytes, DigitsFormat.X25519Bytes);
        var decapsulator = new MLKemDecapsulator(MLKemParameters.ml_kem_768);
        decapsulator.Init(kem);
        decapsulator.Decapsulate(ciphertext, shared.Bytes[..32]);
        if (!X25519.CalculateAgreement(x25519.ReadOnlyBytes, peer, shared.Bytes[32..]))
            return false;
        reveal = [.. DigitsFormat.RevealMagic, .. nonce];
        PairingKeys.Transcript(Hello, reply, reveal).CopyTo(transcript, 0);
        return true;
    }

    /// <summary>The one-time secret. Only after the person said that the digits are the same.</summary>
    internal SecretBuffer Secret() => PairingKeys.Compared(shared.ReadOnlyBytes, transcript);

    public void Dispose()
    {
        x25519.Dispose();
        shared.Dispose();
    }
}
