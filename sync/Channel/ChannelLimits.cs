namespace VmPod.Sync.Channel;

/// <summary>Every bound of the channel, with its reason. Those of the pairing are in <see cref="Pairings.PairingLimits"/>.</summary>
public static class ChannelLimits
{
    /// <summary>Bytes of a pre-shared key, of every key derived from it, and of an exporter: 256 bits.</summary>
    public const int KeyBytes = 32;

    /// <summary>Bytes of a PSK identity: a collision of two pairings in one day has a chance of 2^-128, and a ClientHello stays small.</summary>
    public const int IdentityBytes = 16;

    /// <summary>Pairings that one accept looks through. All of them are looked through every time, so this bounds the work of an unknown peer
    /// (64 pairings cost less than a millisecond).</summary>
    public const int PairingsMax = 64;

    /// <summary>Days before and after the pod's own that it accepts: a clock may be off by a day, and midnight may pass during a handshake.</summary>
    public const int DaysOff = 1;

    /// <summary>Milliseconds from the accepted connection to the end of its handshake. A handshake takes 4 ms of work and two round trips; a
    /// peer that sends a byte now and then is cut off as a silent one is.</summary>
    public const int HandshakeMillisecondsMax = 5_000;

    /// <summary>Milliseconds to reach the pod by TCP.</summary>
    public const int ConnectMillisecondsMax = 5_000;

    /// <summary>Bytes that a peer may send before the handshake has ended. A ClientHello with its ML-KEM share has less than 1,500.</summary>
    public const int HandshakeBytesMax = 8 * 1024;

    /// <summary>Bytes of one handshake message, before it is stored.</summary>
    public const int HandshakeMessageBytesMax = 4 * 1024;

    /// <summary>Milliseconds that a write may wait for a peer that reads nothing. The heartbeat of the wire is much faster; this is the last
    /// resort that lets a thread go.</summary>
    public const int WriteMillisecondsMax = 5_000;

    /// <summary>Seconds between two questions of the kernel to a silent peer, on a link without a heartbeat (S-174), and how many of them stay without an
    /// answer before the link is lost: a minute, as for a mirror over ssh.</summary>
    public const int KeepAliveSeconds = 15, KeepAliveTries = 4;

    /// <summary>Bytes that may wait in this machine's kernel for their turn on the link (S-73). What waits there cannot be passed by what is urgent: a page
    /// that the guest waits for, a beat. Two cells of 64 KiB: a tenth of a second at 11 Mbit/s; at 1 Gbit/s a millisecond, in which the sender writes the
    /// next.</summary>
    public const int UnsentBytesMax = 128 * 1024;
}
