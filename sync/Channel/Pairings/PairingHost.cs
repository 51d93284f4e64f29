using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>The side of a pairing that connects, a host's or a pod's that wants to be mirrored: one attempt a call.</summary>
public static class PairingHost
{
    /// <summary>Pairs by the code that the pod shows. Takes the connection over.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="code">The code.</param>
    /// <param name="hostName">How this side calls itself; sanitised.</param>
    /// <param name="options">Clock and ciphers.</param>
    /// <param name="asMirror">Whether this side is a pod that wants to be mirrored; else it is a host. What the pod was opened for must be the same.</param>
    /// <exception cref="VmPodException">Refused (exit code 4): the code is mistyped, used or too old. Cut off or too slow (7).</exception>
    public static Pairing ByCode(Socket socket, PairingCode code, string hostName, ChannelOptions? options = null, bool asMirror = false)
    {
        try
        {
            return Agree(socket, code.Secret, PairingWay.Code, hostName, options ?? ChannelOptions.Default, asMirror);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Refused && e is not WrongRoleException)
        {
            throw new VmPodException(ExitCode.Refused, "The pod refused the code.",
                "It may be mistyped, used already or older than five minutes. Open pairing again on the pod: podkeeper pair.", e);
        }
    }

    /// <summary>Pairs by comparing six digits. Takes the connection over.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="ask">Asks the person; called on this thread.</param>
    /// <param name="hostName">How this side calls itself; sanitised.</param>
    /// <param name="options">Clock and ciphers.</param>
    /// <param name="asMirror">As for a code.</param>
    /// <exception cref="VmPodException">Refused by either person or side (exit code 4). Cut off or too slow (7).</exception>
    public static Pairing ByDigits(Socket socket, DigitsQuestion ask, string hostName, ChannelOptions? options = null, bool asMirror = false)
    {
        options ??= ChannelOptions.Default;
        using SecretBuffer secret = DigitsComparison.AsHost(socket, ask, options.Time);
        return Agree(socket, secret, PairingWay.Digits, hostName, options, asMirror);
    }

    private static Pairing Agree(Socket socket, SecretBuffer secret, PairingWay way, string hostName, ChannelOptions options, bool asMirror)
    {
        using SecretBuffer key = PairingKeys.TlsKey(secret);
        using SecureChannel channel = SecureChannel.AsClient(socket, PairingKeys.Identity(secret), key, 0, options, ChannelExporter.Pairing);
        return PairingAgreement.AsHost(channel, way, hostName, asMirror);
    }
}
