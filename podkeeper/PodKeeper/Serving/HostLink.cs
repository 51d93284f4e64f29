using System.Globalization;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;

namespace VmPod.PodKeeper.Serving;

/// <summary>A paired host's link from its HELLO to its end: what comes is worked off, then the lease is parked, then the memory is given back.</summary>
internal static class HostLink
{
    /// <summary>What a link runs over.</summary>
    /// <param name="Stream">A stream that has authenticated the host; the link's from now on.</param>
    /// <param name="Cut">Breaks it at once, from any thread.</param>
    /// <param name="PairingId">The pairing that the host proved to hold.</param>
    /// <param name="Role">What the owner said that it is.</param>
    /// <param name="Received">Memory for frames that come, until the link has ended: <see cref="WireLimits.PodReceiveBytes"/>.</param>
    /// <param name="Sent">For those that go: <see cref="WireLimits.SendBytes"/>.</param>
    internal sealed record Over(Stream Stream, Action Cut, UInt128 PairingId, HostRole Role, Memory<byte> Received, Memory<byte> Sent)
    {
        /// <summary>The clock.</summary>
        internal TimeProvider Time { get; init; } = TimeProvider.System;
    }

    /// <summary>Runs it to its end.</summary>
    /// <param name="server">Whose host it is.</param>
    /// <param name="over">What it runs over.</param>
    /// <param name="number">Of the connection, for notes.</param>
    /// <param name="end">Ends it, from any thread.</param>
    /// <param name="opened">Told of the link once there is one.</param>
    /// <exception cref="Foundation.VmPodException">There is no link: as for <see cref="WireLink.Serve"/>.</exception>
    internal static void Run(PodServer server, Over over, long number, Action end, Action<WireLink> opened)
    {
        HostHandler? handler = null;
        var options = new WireOptions
        {
            ReceiveMemory = over.Received,
            SendMemory = over.Sent,
            Cut = over.Cut,
            SharedIds = server.SharedIds,
            Bug = e => server.Note(new ServerNote("A request failed.", number, Bug: e)),
            Time = over.Time,
            SilenceTime = PodLimits.LinkSilence,
            BulkBytesPerSecond = server.BytesPerSecond,
        };
        try
        {
            using WireLink open = WireLink.Serve(over.Stream, server.Hello(), link =>
            {
                var host = ServedHost.Of(server.VaultId, over.PairingId, over.Role, link.Host!.BootId);
                server.Note(new ServerNote("A host is linked.", number, string.Create(CultureInfo.InvariantCulture, $"{host.Actor}, {over.Role}")));
                link.Space = server.Space;
                return handler = new HostHandler(server.Leases, host, server.Receipts,
                    () => link.Settle(PodLimits.LinkQuiet, PodLimits.SettlePatience), end);
            }, options);
            opened(open);
            open.Ended.Wait();
            server.Note(new ServerNote("A link ended.", number, open.Failure?.Message));
        }
        finally
        {
            handler?.Dispose();
        }
    }
}
