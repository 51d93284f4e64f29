using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>The exchange before the digits, over TCP, and the question to the person. Gives the one-time secret, or refuses.</summary>
internal static class DigitsComparison
{
    internal static SecretBuffer AsHost(Socket socket, DigitsQuestion ask, TimeProvider time)
    {
        using var host = new DigitsHost();
        Exchange(socket, time, link =>
        {
            link.Write(host.Hello);
            if (!host.TryReveal(Read(link, DigitsFormat.ReplyBytes), out byte[] reveal))
                throw NoExchange();
            link.Write(reveal);
        });
        Confirm(socket, host.Digits, ask, time);
        return host.Secret();
    }

    internal static SecretBuffer AsPod(Socket socket, DigitsQuestion ask, TimeProvider time)
    {
        using var pod = new DigitsPod();
        Exchange(socket, time, link =>
        {
            if (!pod.TryReply(Read(link, DigitsFormat.HelloBytes), out byte[] reply))
                throw NoExchange();
            link.Write(reply);
            if (!pod.TryFinish(Read(link, DigitsFormat.RevealBytes)))
                throw NoExchange();
        });
        Confirm(socket, pod.Digits, ask, time);
        return pod.Secret();
    }

    private static void Exchange(Socket socket, TimeProvider time, Action<LinkStream> messages) =>
        OnLink(new LinkStream(socket, time), messages);

    // Both people must say yes. The other side's byte is no proof of its answer; the handshake that follows is, since only a yes leads to it.
    private static void Confirm(Socket socket, int digits, DigitsQuestion ask, TimeProvider time)
    {
        using var timeUp = new CancellationTokenSource(TimeSpan.FromMilliseconds(PairingLimits.AnswerMillisecondsMax), time);
        bool same = ask(digits, timeUp.Token) && !timeUp.IsCancellationRequested;
        OnLink(new LinkStream(socket, time, PairingLimits.AnswerMillisecondsMax), link =>
        {
            link.Write([same ? DigitsFormat.Same : DigitsFormat.Different]);
            if (!same)
                throw new VmPodException(ExitCode.Refused, "The digits were not the same on both screens: somebody may be in between.",
                    "Pair by the code that the pod shows, or over another network.");
            if (Read(link, 1)[0] != DigitsFormat.Same)
                throw new VmPodException(ExitCode.Refused, "On the other screen the digits were not confirmed.", "Start pairing again on both sides.");
        });
    }

    // The link's stream only bounds time and bytes of this step; the socket goes on to the next one unless the step failed.
    private static void OnLink(LinkStream link, Action<LinkStream> step)
    {
        try
        {
            step(link);
        }
        catch (Exception e)
        {
            link.Dispose();
            if (e is IOException)
                throw ChannelErrors.OfHandshake(e, link);
            throw;
        }
    }

    private static byte[] Read(LinkStream link, int length)
    {
        byte[] bytes = new byte[length];
        link.ReadExactly(bytes);
        return bytes;
    }

    private static VmPodException NoExchange() => new(ExitCode.Refused,
        "The other side sent something that is no pairing.", "Use the same version of VmPod on both sides.");
}
