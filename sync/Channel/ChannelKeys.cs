using System.Buffers.Binary;
using System.Security.Cryptography;
using VmPod.Secrets;

namespace VmPod.Sync.Channel;

/// <summary>Every key and identity of the channel (sync/SPEC.md, S-22 and S-23): HKDF-SHA-256 and HMAC-SHA-256 with labels.</summary>
internal static class ChannelKeys
{
    private const int SecondsPerDay = 86_400;

    /// <summary>The key that TLS uses as its external PSK: one for each direction, so that a side is never talked into a channel with itself.</summary>
    public static SecretBuffer TlsKey(SecretBuffer psk, ChannelDirection direction) => Derive(psk, "vmpod/v1/channel-psk\0"u8, direction);

    /// <summary>The key of the identities.</summary>
    public static SecretBuffer IdentityKey(SecretBuffer psk, ChannelDirection direction) => Derive(psk, "vmpod/v1/channel-identity\0"u8, direction);

    /// <summary>The identity of a day, which travels in the clear: whoever does not know the PSK cannot link two days.</summary>
    public static byte[] Identity(SecretBuffer identityKey, long day, ChannelDirection direction)
    {
        Span<byte> message = [0, 0, 0, 0, 0, 0, 0, 0, (byte)direction];
        BinaryPrimitives.WriteInt64BigEndian(message, day);
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(identityKey.ReadOnlyBytes, message, mac);
        return mac[..ChannelLimits.IdentityBytes].ToArray();
    }

    /// <summary>Days since 1970-01-01, UTC.</summary>
    public static long Day(TimeProvider time)
    {
        (long days, long rest) = Math.DivRem(time.GetUtcNow().ToUnixTimeSeconds(), SecondsPerDay);
        return rest < 0 ? days - 1 : days;
    }

    private static SecretBuffer Derive(SecretBuffer psk, ReadOnlySpan<byte> label, ChannelDirection direction)
    {
        Span<byte> info = stackalloc byte[label.Length + 1];
        label.CopyTo(info);
        info[^1] = (byte)direction;
        SecretBuffer key = SecretBuffer.Create(ChannelLimits.KeyBytes, static _ => { });
        HKDF.DeriveKey(HashAlgorithmName.SHA256, psk.ReadOnlyBytes, key.Bytes, default, info);
        return key;
    }
}
