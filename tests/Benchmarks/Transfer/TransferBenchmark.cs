using System.Globalization;
using VmPod.Benchmarks.Report;
using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>The time to move a session to and from the pod over links of several rates and delays, against scp, rsync, restic and borg over the same
/// links.</summary>
internal sealed class TransferBenchmark : IBenchmark
{
    private static readonly int[] Links = [11, 54, 300, 1000], Delays = [2, 20, 80];

    // To try it: the middle of the first list, and the nearest pod.
    private static readonly int[] QuickLinks = [54], QuickDelays = [2];

    /// <inheritdoc/>
    public string Name => "transfer";

    /// <inheritdoc/>
    public string Purpose => "moving a session over links of several rates and delays, against scp, rsync, restic and borg";

    /// <inheritdoc/>
    public BenchReport Run(BenchOptions options) => RunAsync(options).GetAwaiter().GetResult();

    private async Task<BenchReport> RunAsync(BenchOptions options)
    {
        IReadOnlyList<int> links = options.Links ?? (options.Quick ? QuickLinks : Links), delays = options.Delays ?? (options.Quick ? QuickDelays : Delays);
        using TransferSession session = await TransferSession.CreateAsync(options.Log);
        using var work = new TempFolder();
        string live = work["live"];
        TransferRound.Show(live, session.First);
        List<(ITransferPeer Peer, TransferPlace Filled)> peers = [];
        foreach (ITransferPeer peer in (ITransferPeer[])[new ScpPeer(), new RsyncPeer(), new ResticPeer(), new BorgPeer()])
        {
            options.Log.WriteLine($"filling the pod for {peer.Name}");
            var place = new TransferPlace(work.Sub($"host-{peers.Count}"), work.Sub($"pod-{peers.Count}"), "");
            peer.Fill(place, live);
            peers.Add((peer, place));
        }
        var all = new TransferResults(session.FirstBytes, session.FreshDiskBytes, [.. peers.Select(p => p.Peer.Name)]);
        await using (ShapedLink link = await ShapedLink.CreateAsync())
        {
            IEnumerable<LinkShape> shapes = links.SelectMany(mbit => delays.Select(delay => new LinkShape(mbit, delay)));
            foreach (LinkShape shape in (IEnumerable<LinkShape>)[.. options.Quick ? Array.Empty<LinkShape>() : [LinkShape.Unshaped], .. shapes])
            {
                for (int i = 0; i < options.Rounds; i++)
                {
                    (LinkFound found, IReadOnlyList<Measured> times) =
                        await new TransferRound(session, peers, live, link, shape, work["ssh"], options.Log).RunAsync();
                    all.Add(shape, found, times);
                }
            }
        }
        var report = new BenchReport(Name);
        new TransferFindings(all).AddTo(report);
        foreach ((ITransferPeer peer, TransferPlace _) in peers)
            report.Versions[peer.Name] = peer.Version;
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{options.Rounds} round(s), medians; {Environment.ProcessorCount} CPUs for host, pod, "
            + $"relay and guest together; the guest's CPU is emulated where KVM is not to be had."));
        new TransferPage(report, all).Write(options.Quick ? Repository.PathOf("artifacts", "bench") : Repository.PathOf("tests", "Benchmarks"));
        return report;
    }
}
