using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Prng;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;

namespace VmPod.Sync.Channel;

/// <summary>What both sides of TLS must agree on, in one place (sync/SPEC.md, S-20).</summary>
internal static class TlsSettings
{
    /// <summary>TLS 1.3, and nothing else.</summary>
    internal static ProtocolVersion[] Versions => ProtocolVersion.TLSv13.Only();

    /// <summary>The one group: ML-KEM-768 beside X25519.</summary>
    internal static int[] Groups => [NamedGroup.X25519MLKEM768];

    /// <summary>A PSK with a key exchange, never alone.</summary>
    internal static short[] PskModes => [PskKeyExchangeMode.psk_dhe_ke];

    /// <summary>The suites, the preferred one first.</summary>
    internal static int[] Suites(ChannelOptions options) => options.ChaCha
        ? [CipherSuite.TLS_CHACHA20_POLY1305_SHA256, CipherSuite.TLS_AES_128_GCM_SHA256]
        : [CipherSuite.TLS_AES_128_GCM_SHA256];

    /// <summary>BouncyCastle with the system's random numbers in place of its own generator.</summary>
    internal static BcTlsCrypto Crypto() => new(Random());

    /// <summary>The system's random numbers, as BouncyCastle asks for them.</summary>
    internal static SecureRandom Random() => new(new CryptoApiRandomGenerator(RandomNumberGenerator.Create()));

    /// <summary>An external PSK. The key's array stays the caller's, who zeroes it after the handshake.</summary>
    internal static TlsPskExternal Psk(TlsCrypto crypto, byte[] identity, PinnedBytes key) =>
        new BasicTlsPskExternal(identity, new BcTlsSecret((BcTlsCrypto)crypto, key.Array), PrfAlgorithm.tls13_hkdf_sha256);
}
