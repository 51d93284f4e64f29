using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>The last step of both ways: inside a connection that only the two can have, they agree on the key that they keep.</summary>
internal static class PairingAgreement
{
    internal static Pairing AsHost(SecureChannel channel, PairingWay way, string hostName, bool asMirror = false) => Within(channel, () =>
    {
        byte[] offer = AgreementFormat.Offer(DisplayName.Sanitise(hostName));
        channel.Stream.Write(offer);
        byte[] answer = Read(channel, AgreementFormat.AnswerBytes);
        if (!AgreementFormat.TryReadAnswer(answer, out UInt128 id, out HostRole role, out DateTimeOffset created, out string podName))
            throw NoPairing();
        // Before the receipt: the pod keeps nothing either.
        if ((role == HostRole.Mirror) != asMirror)
            throw new WrongRoleException(asMirror);
        SecretBuffer psk = Key(channel, way, offer, answer);
        try
        {
            channel.Stream.Write(PairingKeys.Receipt(psk));
            return new Pairing(id, psk, role, podName, created);
        }
        catch
        {
            psk.Dispose();
            throw;
        }
    });

    /// <param name="channel">The one-time connection.</param>
    /// <param name="way">How it came to be.</param>
    /// <param name="role">What the host becomes.</param>
    /// <param name="podName">How the pod calls itself.</param>
    /// <param name="created">Now.</param>
    /// <param name="record">Called with the new pairing's id before the host can know the key.</param>
    internal static Pairing AsPod(SecureChannel channel, PairingWay way, HostRole role, string podName, DateTimeOffset created,
        Action<UInt128> record) => Within(channel, () =>
    {
        byte[] offer = Read(channel, AgreementFormat.OfferBytes);
        if (!AgreementFormat.TryReadOffer(offer, out string hostName))
            throw NoPairing();
        UInt128 id = NewId();
        byte[] answer = AgreementFormat.Answer(id, role, created, podName);
        SecretBuffer psk = Key(channel, way, offer, answer);
        try
        {
            record(id);
            channel.Stream.Write(answer);
            if (!CryptographicOperations.FixedTimeEquals(Read(channel, AgreementFormat.ReceiptBytes), PairingKeys.Receipt(psk)))
                throw NoPairing();
            // To the second, as both sides keep it.
            return new Pairing(id, psk, role, hostName, DateTimeOffset.FromUnixTimeSeconds(created.ToUnixTimeSeconds()));
        }
        catch
        {
            psk.Dispose();
            throw;
        }
    });

    private static UInt128 NewId()
    {
        Span<byte> id = stackalloc byte[16];
        RandomNumberGenerator.Fill(id);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(id);
    }

    private static SecretBuffer Key(SecureChannel channel, PairingWay way, byte[] offer, byte[] answer) =>
        PairingKeys.LongTerm(channel.Exporter.ReadOnlyBytes, way, offer, answer);

    private static byte[] Read(SecureChannel channel, int length)
    {
        byte[] bytes = new byte[length];
        try
        {
            channel.Stream.ReadExactly(bytes);
            return bytes;
        }
        catch (EndOfStreamException e)
        {
            throw new VmPodException(ExitCode.LinkLost, "The other side ended the pairing.", "Start it again on both sides.", e);
        }
    }

    // The peer holds the one-time secret, and may still be slow: the whole has the time of one handshake.
    private static Pairing Within(SecureChannel channel, Func<Pairing> agree)
    {
        using var deadline = new Timer(static state => ((SecureChannel)state!).Abort(), channel, ChannelLimits.HandshakeMillisecondsMax, Timeout.Infinite);
        try
        {
            return agree();
        }
        catch (ObjectDisposedException e)
        {
            throw new VmPodException(ExitCode.LinkLost, "The other side took too long to pair.", "Start it again on both sides.", e);
        }
    }

    private static VmPodException NoPairing() => new(ExitCode.Refused,
        "The other side sent something that is no pairing.", "Use the same version of VmPod on both sides.");
}
