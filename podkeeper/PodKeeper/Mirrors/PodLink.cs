using System.Net;
using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Mirror;

namespace VmPod.PodKeeper.Mirrors;

/// <summary>A mirror that another pod keeps, over the pods' own channel (P-124).</summary>
public static class PodLink
{
    /// <summary>Connects to it, with the pairing that there is.</summary>
    /// <param name="place">Where; <see cref="MirrorPlace.IsPod"/>.</param>
    /// <param name="keepers">The folder of the pairings (<see cref="Keepers.Of"/>).</param>
    /// <param name="cancel">Ends it, and the link after it.</param>
    /// <exception cref="VmPodException">Not paired, or refused (4); not in reach (7).</exception>
    public static MirrorClient Connect(MirrorPlace place, string keepers, CancellationToken cancel)
    {
        using Pairing pairing = Keepers.Find(keepers, place);
        SecureChannel channel = Connect(place, pairing, cancel);
        channel.SetPatience(PodLimits.MirrorSilence, PodLimits.MirrorBusy);
        Keepers.SetPlace(keepers, pairing.Id, place.ToString());
        CancellationTokenRegistration abort = cancel.Register(channel.Abort);
        return new MirrorClient(channel.Stream, channel.Stream, new Ends(channel, abort)) { HasWord = () => channel.HasMore };
    }

    /// <summary>Pairs with a pod that was opened for it: by the code that it shows.</summary>
    /// <param name="place">Where it is served.</param>
    /// <param name="at">Where it waits for the pairing; null for the host of <paramref name="place"/> at the port that the code has, or the next port.</param>
    /// <param name="code">The code.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="VmPodException">Refused (4); not in reach (7).</exception>
    public static Pairing Pair(MirrorPlace place, EndPoint? at, PairingCode code, CancellationToken cancel) =>
        PairingHost.ByCode(Dial(at ?? place.At(PortOf(code) ?? place.PodPort + 1), cancel), code, Environment.MachineName, asMirror: true);

    /// <summary>As with a code, by comparing six digits.</summary>
    /// <param name="place">Where it is served.</param>
    /// <param name="at">Where it waits for the pairing; null for the next port.</param>
    /// <param name="ask">Asks the person.</param>
    /// <param name="cancel">Ends it.</param>
    public static Pairing Pair(MirrorPlace place, EndPoint? at, DigitsQuestion ask, CancellationToken cancel) =>
        PairingHost.ByDigits(Dial(at ?? place.At(place.PodPort + 1), cancel), ask, Environment.MachineName, asMirror: true);

    // The host is the one that the owner named: a code's own is a guess of the machine that shows it.
    private static int? PortOf(PairingCode code) =>
        code.Address.LastIndexOf(':') is var colon and > 0 && ushort.TryParse(code.Address.AsSpan(colon + 1), out ushort port) && port > 0 ? port : null;

    private static SecureChannel Connect(MirrorPlace place, Pairing pairing, CancellationToken cancel)
    {
        try
        {
            return SecureChannel.Connect(place.At(place.PodPort), pairing, cancel: cancel);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Refused)
        {
            throw new VmPodException(ExitCode.Refused, $"The pod at {place} does not know this one, or is another pod.",
                "Check that both clocks show the right day. If they do, pair again: there podkeeper pair DIR --role mirror, then here the same command "
                + "with --pair.", e);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            throw new VmPodException(ExitCode.LinkLost, $"No pod answers at {place}.",
                "Is podkeeper serve running there, and does a firewall let its port through?", e);
        }
    }

    private static Socket Dial(EndPoint where, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(ChannelLimits.ConnectMillisecondsMax);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.ConnectAsync(where, deadline.Token).AsTask().GetAwaiter().GetResult();
            return socket;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            cancel.ThrowIfCancellationRequested();
            throw new VmPodException(ExitCode.LinkLost, "Nobody waits for a pairing there.",
                "There: podkeeper pair DIR --role mirror says where it waits; here: --pair-at HOST:PORT.", e);
        }
    }

    // First nobody aborts it any more, then the farewell.
    private sealed class Ends(SecureChannel channel, CancellationTokenRegistration abort) : IDisposable
    {
        public void Dispose()
        {
            abort.Dispose();
            channel.Dispose();
        }
    }
}
