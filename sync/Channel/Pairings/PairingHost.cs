using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>The host's side of pairing: one attempt a call.</summary>
public static class PairingHost
{
    /// <summary>Pairs by the code that the pod shows. Takes the connection over.</summary>
    /// <exception cref="VmPodException">Refused (exit code 4): the code is mistyped, used or too old. Cut off or too slow (7).</exception>
    public static Pairing ByCode(Socket socket, PairingCode code, string hostName, ChannelOptions? options = null)
    {
        try
        {
            return Agree(socket, code.Secret, PairingWay.Code, hostName, options ?? ChannelOptions.Default);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Refused)
        {
            throw new VmPodException(ExitCode.Refused, "The pod refused the code.",
                "It may be mistyped, used already or older than five minutes. Open pairing again on the pod: podkeeper pair.", e);
        }
    }

    /// <summary>Pairs by comparing six digits. Takes the connection over; <paramref name="ask"/> is called on this thread.</summary>
    /// <exception cref="VmPodException">Refused by either person or side (exit code 4). Cut off or too slow (7).</exception>
    public static Pairing ByDigits(Socket socket, DigitsQuestion ask, string hostName, ChannelOptions? options = null)
    {
        options ??= ChannelOptions.Default;
        using SecretBuffer secret = DigitsComparison.AsHost(socket, ask, options.Time);
        return Agree(socket, secret, PairingWay.Digits, hostName, options);
    }

    private static Pairing Agree(Socket socket, SecretBuffer secret, PairingWay way, string hostName, ChannelOptions options)
    {
        using SecretBuffer key = PairingKeys.TlsKey(secret);
        using SecureChannel channel = SecureChannel.AsClient(socket, PairingKeys.Identity(secret), key, 0, options, ChannelExporter.Pairing);
        return PairingAgreement.AsHost(channel, way, hostName);
    }
}
