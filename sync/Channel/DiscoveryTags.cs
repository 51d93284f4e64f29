using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.Sync.Channel;

/// <summary>
/// By what a host knows a pod that it is paired with among announcements (sync/SPEC.md, S-102): a number that follows from the pairing's key, the day and the
/// announcement's random name, so that it is another each time and says nothing to others. It proves nothing: the handshake does.
/// </summary>
public static class DiscoveryTags
{
    private static ReadOnlySpan<byte> Label => "vmpod/v1/discovery-tag\0"u8;

    /// <summary>The day of tags now, in whole days since 1970-01-01 UTC.</summary>
    public static long Today(TimeProvider time) => ChannelKeys.Day(time);

    /// <summary>The tags of a pod's pairings for an announcement of today.</summary>
    public static IReadOnlyList<ulong> Of(IEnumerable<Pairing> pairings, string instance, TimeProvider time)
    {
        long today = ChannelKeys.Day(time);
        return [.. pairings.Select(p => Of(p.Psk, instance, today))];
    }

    /// <summary>True if an announcement has a tag of this pairing, of yesterday, today or tomorrow: clocks may be a day off.</summary>
    public static bool Has(IReadOnlyList<ulong> tags, Pairing pairing, string instance, TimeProvider time)
    {
        long today = ChannelKeys.Day(time);
        for (long day = today - ChannelLimits.DaysOff; tags.Count > 0 && day <= today + ChannelLimits.DaysOff; day++)
        {
            if (tags.Contains(Of(pairing.Psk, instance, day)))
                return true;
        }
        return false;
    }

    /// <summary>The first 8 bytes of HMAC-SHA-256(HKDF(PSK, label), day | instance).</summary>
    internal static ulong Of(SecretBuffer psk, string instance, long day)
    {
        using SecretBuffer key = SecretBuffer.Create(ChannelLimits.KeyBytes, static _ => { });
        HKDF.DeriveKey(HashAlgorithmName.SHA256, psk.ReadOnlyBytes, key.Bytes, default, Label);
        byte[] message = [0, 0, 0, 0, 0, 0, 0, 0, .. Encoding.ASCII.GetBytes(instance)];
        BinaryPrimitives.WriteInt64BigEndian(message, day);
        return BinaryPrimitives.ReadUInt64BigEndian(HMACSHA256.HashData(key.ReadOnlyBytes, message));
    }
}
