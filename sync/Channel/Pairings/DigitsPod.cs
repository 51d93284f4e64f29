using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Kems;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math.EC.Rfc7748;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>The pod's half of the exchange before the digits: pure, no network. Order: <see cref="TryReply"/>,
/// <see cref="TryFinish"/>, <see cref="Secret"/>.</summary>
internal sealed class DigitsPod : IDisposable
{
    private readonly SecretBuffer shared = SecretBuffer.Create(DigitsFormat.SharedBytes, static _ => { });
    private readonly byte[] transcript = new byte[SHA256.HashSizeInBytes];
    private byte[] hello = [];
    private byte[] reply = [];

    /// <summary>What to show, after <see cref="TryFinish"/>.</summary>
    internal int Digits => PairingKeys.Digits(transcript);

    /// <summary>Takes the host's first message and gives the reply. False if the message is none, or its keys are no keys.</summary>
    internal bool TryReply(ReadOnlySpan<byte> received, out byte[] answer)
    {
        answer = [];
        if (received.Length != DigitsFormat.HelloBytes || !received.StartsWith(DigitsFormat.HelloMagic))
            return false;
        hello = received.ToArray();
        reply = new byte[DigitsFormat.ReplyBytes];
        DigitsFormat.ReplyMagic.CopyTo(reply);
        if (!TryShare(received[DigitsFormat.MagicBytes..], reply.AsSpan(DigitsFormat.MagicBytes)))
            return false;
        RandomNumberGenerator.Fill(reply.AsSpan(DigitsFormat.ReplyBytes - PairingLimits.NonceBytes));
        answer = reply;
        return true;
    }

    /// <summary>Takes the host's nonce. False if it is not the one that the host committed to.</summary>
    internal bool TryFinish(ReadOnlySpan<byte> reveal)
    {
        if (reveal.Length != DigitsFormat.RevealBytes || !reveal.StartsWith(DigitsFormat.RevealMagic))
            return false;
        Span<byte> commitment = stackalloc byte[DigitsFormat.CommitmentBytes];
        PairingKeys.Commitment(hello.AsSpan(0, DigitsFormat.HostShareBytes), reveal[DigitsFormat.MagicBytes..], commitment);
        if (!CryptographicOperations.FixedTimeEquals(commitment, hello.AsSpan(DigitsFormat.HostShareBytes)))
            return false;
        PairingKeys.Transcript(hello, reply, reveal).CopyTo(transcript, 0);
        return true;
    }

    /// <summary>The one-time secret. Only after the person said that the digits are the same.</summary>
    internal SecretBuffer Secret() => PairingKeys.Compared(shared.ReadOnlyBytes, transcript);

    public void Dispose() => shared.Dispose();

    // peer := { ML-KEM key 1184 | X25519 key 32 | ... }, own := { ML-KEM ciphertext 1088 | X25519 key 32 | ... }
    private bool TryShare(ReadOnlySpan<byte> peer, Span<byte> own)
    {
        MLKemPublicKeyParameters kem;
        try
        {
            kem = MLKemPublicKeyParameters.FromEncoding(MLKemParameters.ml_kem_768, peer[..DigitsFormat.EncapsulationKeyBytes].ToArray());
        }
        catch (ArgumentException)
        {
            return false;
        }
        var encapsulator = new MLKemEncapsulator(MLKemParameters.ml_kem_768);
        encapsulator.Init(new ParametersWithRandom(kem, TlsSettings.Random()));
        encapsulator.Encapsulate(own[..DigitsFormat.CiphertextBytes], shared.Bytes[..32]);
        using SecretBuffer x25519 = SecretBuffer.Random(DigitsFormat.X25519Bytes);
        X25519.GeneratePublicKey(x25519.ReadOnlyBytes, own.Slice(DigitsFormat.CiphertextBytes, DigitsFormat.X25519Bytes));
        return X25519.CalculateAgreement(x25519.ReadOnlyBytes, peer.Slice(DigitsFormat.EncapsulationKeyBytes, DigitsFormat.X25519Bytes), shared.Bytes[32..]);
    }
}
