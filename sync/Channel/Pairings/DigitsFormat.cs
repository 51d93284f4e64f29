namespace VmPod.Sync.Channel.Pairings;

/// <summary>Layout of the three messages before the digits (sync/SPEC.md, S-44): fixed lengths, sums of named parts.</summary>
internal static class DigitsFormat
{
    internal const int MagicBytes = 4, EncapsulationKeyBytes = 1184, CiphertextBytes = 1088, X25519Bytes = 32, CommitmentBytes = 32, SharedBytes = 64;

    /// <summary>Magic, ML-KEM-768 key, X25519 key: what the commitment covers beside the nonce.</summary>
    internal const int HostShareBytes = MagicBytes + EncapsulationKeyBytes + X25519Bytes;

    /// <summary>Host to pod: the share and the commitment.</summary>
    internal const int HelloBytes = HostShareBytes + CommitmentBytes;

    /// <summary>Pod to host: magic, ML-KEM-768 ciphertext, X25519 key, nonce.</summary>
    internal const int ReplyBytes = MagicBytes + CiphertextBytes + X25519Bytes + PairingLimits.NonceBytes;

    /// <summary>Host to pod: magic, nonce.</summary>
    internal const int RevealBytes = MagicBytes + PairingLimits.NonceBytes;

    /// <summary>One byte each way: what the person said.</summary>
    internal const byte Same = (byte)'Y', Different = (byte)'N';

    internal static ReadOnlySpan<byte> HelloMagic => "VPD1"u8;

    internal static ReadOnlySpan<byte> ReplyMagic => "VPD2"u8;

    internal static ReadOnlySpan<byte> RevealMagic => "VPD3"u8;
}
