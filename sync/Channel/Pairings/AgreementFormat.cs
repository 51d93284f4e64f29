using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>Layout of what host and pod say inside the one-time connection (sync/SPEC.md, S-50): fixed lengths, zero padding.</summary>
internal static class AgreementFormat
{
    private const int MagicBytes = 4, NameFieldBytes = 1 + PairingLimits.NameBytesMax;
    private const int IdOffset = MagicBytes + PairingLimits.NonceBytes, RoleOffset = IdOffset + 16,
        CreatedOffset = RoleOffset + 1, AnswerNameOffset = CreatedOffset + 8;

    /// <summary>Host to pod: "VPO1", nonce 32, length of the name 1, name 64.</summary>
    internal const int OfferBytes = MagicBytes + PairingLimits.NonceBytes + NameFieldBytes;

    /// <summary>Pod to host: "VPO2", nonce 32, pairing id 16, role 1, seconds since 1970 as u64, length of the name 1, name 64.</summary>
    internal const int AnswerBytes = AnswerNameOffset + NameFieldBytes;

    /// <summary>Host to pod: proof of the key.</summary>
    internal const int ReceiptBytes = HMACSHA256.HashSizeInBytes;

    internal static byte[] Offer(string hostName)
    {
        byte[] offer = new byte[OfferBytes];
        "VPO1"u8.CopyTo(offer);
        RandomNumberGenerator.Fill(offer.AsSpan(MagicBytes, PairingLimits.NonceBytes));
        WriteName(hostName, offer.AsSpan(OfferBytes - NameFieldBytes));
        return offer;
    }

    internal static bool TryReadOffer(ReadOnlySpan<byte> offer, out string hostName)
    {
        hostName = "";
        return offer.Length == OfferBytes && offer.StartsWith("VPO1"u8) && TryReadName(offer[^NameFieldBytes..], out hostName);
    }

    internal static byte[] Answer(UInt128 id, HostRole role, DateTimeOffset created, string podName)
    {
        byte[] answer = new byte[AnswerBytes];
        "VPO2"u8.CopyTo(answer);
        RandomNumberGenerator.Fill(answer.AsSpan(MagicBytes, PairingLimits.NonceBytes));
        BinaryPrimitives.WriteUInt128BigEndian(answer.AsSpan(IdOffset), id);
        answer[RoleOffset] = (byte)role;
        BinaryPrimitives.WriteInt64BigEndian(answer.AsSpan(CreatedOffset), created.ToUnixTimeSeconds());
        WriteName(podName, answer.AsSpan(AnswerNameOffset));
        return answer;
    }

    internal static bool TryReadAnswer(ReadOnlySpan<byte> answer, out UInt128 id, out HostRole role, out DateTimeOffset created, out string podName)
    {
        (id, role, created, podName) = (0, 0, default, "");
        if (answer.Length != AnswerBytes || !answer.StartsWith("VPO2"u8) || !TryReadName(answer[AnswerNameOffset..], out podName))
            return false;
        id = BinaryPrimitives.ReadUInt128BigEndian(answer[IdOffset..]);
        role = (HostRole)answer[RoleOffset];
        long seconds = BinaryPrimitives.ReadInt64BigEndian(answer[CreatedOffset..]);
        if (!Pairing.IsRole(role) || seconds is < 0 or > PairingLimits.CreatedSecondsMax)
            return false;
        created = DateTimeOffset.FromUnixTimeSeconds(seconds);
        return true;
    }

    private static void WriteName(string name, Span<byte> field) => field[0] = (byte)Encoding.ASCII.GetBytes(name, field[1..]);

    private static bool TryReadName(ReadOnlySpan<byte> field, out string name)
    {
        name = "";
        int length = field[0];
        if (length > PairingLimits.NameBytesMax || !DisplayName.IsName(field.Slice(1, length)) || field[(1 + length)..].ContainsAnyExcept((byte)0))
            return false;
        name = Encoding.ASCII.GetString(field.Slice(1, length));
        return true;
    }
}
