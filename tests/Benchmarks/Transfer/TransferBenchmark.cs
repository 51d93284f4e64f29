using System.Globalization;
using System.Net.Sockets;
using VmPod.Benchmarks.Report;
using VmPod.Foundation;
using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>The time to move a session to and from the pod over links of several rates and delays, against scp, rsync, restic and borg over the same
/// links.</summary>
internal sealed class TransferBenchmark : IBenchmark
{
    private static readonly int[] Links = [11, 54, 300, 1000], Delays = [2, 20, 80];

    // A round fails where a loaded machine made somebody wait too long; what failed is said on the page.
    private const int Attempts = 2;

    // Up to this rate a round leaves nine tenths of two CPUs idle.
    private const int SlowMbit = 20;

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
        LinkShape[] shapes = [.. links.SelectMany(mbit => delays.Select(delay => new LinkShape(mbit, delay)))];
        LinkShape[] wanted = options.Quick ? shapes : [LinkShape.Unshaped, .. shapes];
        List<LinkShape[]> groups = [];
        foreach (LinkShape shape in wanted)
        {
            if (groups.Count > 0 && IsSlow(shape) && groups[^1][0].Mbit == shape.Mbit)
                groups[^1] = [.. groups[^1], shape];
            else
                groups.Add([shape]);
        }
        TransferLane[] lanes = [.. Enumerable.Range(0, groups.Max(g => g.Length)).Select(i => TransferLane.Fill(work[$"lane-{i}"], i, session, options.Log))];
        var all = new TransferResults(session.FirstBytes, session.FreshDiskBytes, [.. lanes[0].Peers.Select(p => p.Peer.Name)]);
        var report = new BenchReport(Name);
        foreach (LinkShape[] group in groups)
        {
            for (int i = 0; i < options.Rounds; i++)
            {
                int round = i;
                await Task.WhenAll(group.Select((shape, lane) => RoundAsync(shape, lanes[lane], work[$"ssh-{shape.Mbit}-{shape.DelayMs}-{round}"])));
            }
            if (all.Links.Count > 0)
                report = ToReport(options, all, lanes[0]);
        }
        LinkShape[] missing = [.. wanted.Except(all.Links)];
        return missing.Length == 0 ? report : throw new VmPodException(ExitCode.LinkLost, $"Not measured: {string.Join("; ", (object[])missing)}.",
            $"{TransferPage.PageName} has the others, and why these failed.");

        async Task RoundAsync(LinkShape shape, TransferLane lane, string folder)
        {
            for (int attempt = 1; attempt <= Attempts; attempt++)
            {
                try
                {
                    await using ShapedLink link = await ShapedLink.CreateAsync();
                    (LinkFound found, IReadOnlyList<Measured> times) =
                        await new TransferRound(session, lane, link, shape, $"{folder}-{attempt}", options.Log).RunAsync();
                    all.Add(shape, found, times);
                    return;
                }
                catch (Exception e) when (e is InvalidOperationException or TimeoutException or IOException or SocketException or VmPodException)
                {
                    options.Log.WriteLine($"{shape}: {e}");
                    all.AddFailure($"{shape}, attempt {attempt} of {Attempts} failed: {e.Message.Split('\n')[0]}");
                }
            }
        }
    }

    private static bool IsSlow(LinkShape shape) => shape.Mbit <= SlowMbit;

    // The page is written after each link: an hour's figures do not hang on the last one.
    private BenchReport ToReport(BenchOptions options, TransferResults all, TransferLane lane)
    {
        var report = new BenchReport(Name);
        new TransferFindings(all).AddTo(report);
        report.Versions["machine"] = Machine.Text;
        foreach ((ITransferPeer peer, TransferPlace _) in lane.Peers)
            report.Versions[peer.Name] = peer.Version;
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{options.Rounds} round(s), medians; {Environment.ProcessorCount} CPUs for host, pod, "
            + $"relay and guest together; the guest's CPU is emulated where KVM is not to be had."));
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"Links of up to {SlowMbit} Mbit/s that differ in delay alone were measured side by side, "
            + $"each with namespaces, pods and peers of its own, and one vmpod at a time: such a link leaves the machine idle most of the time."));
        report.Notes.AddRange(all.Failures);
        new TransferPage(report, all).Write(options.Quick ? Repository.PathOf("artifacts", "bench") : Repository.PathOf("tests", "Benchmarks"));
        return report;
    }
}
