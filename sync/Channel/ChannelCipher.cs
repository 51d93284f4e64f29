namespace VmPod.Sync.Channel;

/// <summary>The record protection of a channel. Values are those of the IANA registry of TLS cipher suites.</summary>
public enum ChannelCipher
{
    /// <summary>TLS_AES_128_GCM_SHA256.</summary>
    Aes128Gcm = 0x1301,

    /// <summary>TLS_CHACHA20_POLY1305_SHA256.</summary>
    ChaCha20Poly1305 = 0x1303,
}
