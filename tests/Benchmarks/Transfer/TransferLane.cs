using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>What a round needs for itself: the folder that the peers save, and what each has of it on its pod. Slow links leave the machine idle, so several
/// rounds go side by side, each in a lane.</summary>
internal sealed class TransferLane
{
    private TransferLane(string live, IReadOnlyList<(ITransferPeer Peer, TransferPlace Filled)> peers) => (Live, Peers) = (live, peers);

    /// <summary>The folder with a generation's files.</summary>
    public string Live { get; }

    /// <summary>The peers, and where they are filled.</summary>
    public IReadOnlyList<(ITransferPeer Peer, TransferPlace Filled)> Peers { get; }

    /// <summary>How many peers go before ours: another number in each lane.</summary>
    public required int PeersFirst { get; init; }

    /// <summary>Makes one: each peer saves the first generation.</summary>
    public static TransferLane Fill(string folder, int number, TransferSession session, TextWriter log)
    {
        string live = Path.Join(Directory.CreateDirectory(folder).FullName, "live");
        TransferRound.Show(live, session.First);
        List<(ITransferPeer Peer, TransferPlace Filled)> peers = [];
        foreach (ITransferPeer peer in (ITransferPeer[])[new ScpPeer(), new RsyncPeer(), new ResticPeer(), new BorgPeer()])
        {
            log.WriteLine($"filling the pod for {peer.Name}");
            var place = new TransferPlace(Sub($"host-{peers.Count}"), Sub($"pod-{peers.Count}"), "");
            peer.Fill(place, live);
            peers.Add((peer, place));
        }
        return new TransferLane(live, peers) { PeersFirst = 2 * number };

        string Sub(string name) => Directory.CreateDirectory(Path.Join(folder, name)).FullName;
    }
}
