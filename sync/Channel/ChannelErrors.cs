using Org.BouncyCastle.Tls;
using VmPod.Foundation;

namespace VmPod.Sync.Channel;

/// <summary>What a person is told when a channel fails. Two ends only: refused (exit code 4) and link lost (7).</summary>
internal static class ChannelErrors
{
    private const string Again = "Check that the pod is on and in reach, then try again.";
    private const string Pair = "Check that both clocks show the right day. If they do, pair again: podkeeper pair, then hostguard pair.";

    /// <summary>A handshake that took too long.</summary>
    internal static VmPodException Slow(int milliseconds) => new(ExitCode.LinkLost,
        $"The other side did not answer within {milliseconds / 1000} seconds.", Again);

    /// <summary>A handshake of too many bytes.</summary>
    internal static VmPodException TooLong() => new(ExitCode.Refused,
        $"The other side sent more than {ChannelLimits.HandshakeBytesMax} bytes before the handshake had ended.", "It is no VmPod, or not this version of it.");

    /// <summary>There was no connection to begin with.</summary>
    internal static VmPodException Unreachable(Exception cause) => new(ExitCode.LinkLost, "The other side cannot be reached.", Again, cause);

    /// <summary>What became of a handshake. An alert of either side is a refusal: one sentence for a wrong identity, a wrong key and a wrong offer.</summary>
    internal static VmPodException OfHandshake(Exception cause, LinkStream link) => link.Failure ?? cause switch
    {
        VmPodException known => known,
        TlsFatalAlertReceived => new VmPodException(ExitCode.Refused, "The other side refused the connection.", Pair, cause),
        TlsFatalAlert when !link.EndedEarly => new VmPodException(ExitCode.Refused,
            "The connection was refused: the other side did not prove that it is paired.", Pair, cause),
        _ => new VmPodException(ExitCode.LinkLost, "The link was lost during the handshake.", Again, cause),
    };

    /// <summary>What became of a channel that was open.</summary>
    internal static VmPodException OfData(Exception cause) => cause switch
    {
        VmPodException known => known,
        TlsNoCloseNotifyException => new VmPodException(ExitCode.LinkLost,
            "The link ended without a farewell: what was not acknowledged is not there.", Again, cause),
        TlsFatalAlert => new VmPodException(ExitCode.LinkLost, "The link brought bytes that the other side did not send. Nothing of them was taken.",
            "Connect again. If it happens again, something between the two changes what they send.", cause),
        _ => new VmPodException(ExitCode.LinkLost, "The link was lost.", Again, cause),
    };
}
