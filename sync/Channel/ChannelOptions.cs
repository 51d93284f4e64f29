namespace VmPod.Sync.Channel;

/// <summary>What a side of a channel may choose.</summary>
public sealed class ChannelOptions
{
    /// <summary>The defaults: the system's clock, AES-128-GCM only.</summary>
    public static ChannelOptions Default { get; } = new();

    /// <summary>Tells the day of the identities and the end of the handshake.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// Also TLS_CHACHA20_POLY1305_SHA256, for pods whose processor has no AES instructions. It is used only if both sides say so: the client
    /// then offers both suites, and the server takes ChaCha20.
    /// </summary>
    public bool ChaCha { get; init; }
}
