using VmPod.Benchmarks.Report;
using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>All that was measured.</summary>
/// <param name="sessionBytes">Bytes of the session's files as one sees them, without holes, and compressed.</param>
/// <param name="diskBytes">Bytes of the fresh disk without its holes.</param>
/// <param name="peers">Names of the peers.</param>
internal sealed class TransferResults((long Apparent, long Stored, long Compressed) sessionBytes, long diskBytes, IReadOnlyList<string> peers)
{
    private readonly List<Measured> times = [];
    private readonly List<(LinkShape Shape, LinkFound Found)> links = [];
    private readonly List<string> failures = [];

    /// <summary>Bytes of the session's files.</summary>
    public (long Apparent, long Stored, long Compressed) SessionBytes => sessionBytes;

    /// <summary>Bytes of the fresh disk.</summary>
    public long DiskBytes => diskBytes;

    /// <summary>Names of the tools, ours first.</summary>
    public IReadOnlyList<string> Tools => [TransferRound.Ours, .. peers];

    /// <summary>The links that were measured: the quickest machine first, then by rate and delay.</summary>
    public IReadOnlyList<LinkShape> Links => [.. links.Select(l => l.Shape).Distinct().OrderBy(s => s.Mbit ?? 0).ThenBy(s => s.DelayMs)];

    /// <summary>What went wrong.</summary>
    public IReadOnlyList<string> Failures
    {
        get
        {
            lock (failures)
                return [.. failures];
        }
    }

    /// <summary>Takes what a round measured; from any thread.</summary>
    public void Add(LinkShape shape, LinkFound found, IReadOnlyList<Measured> measured)
    {
        lock (failures)
        {
            links.Add((shape, found));
            times.AddRange(measured);
        }
    }

    /// <summary>Takes why a round failed; from any thread.</summary>
    public void AddFailure(string why)
    {
        lock (failures)
            failures.Add(why);
    }

    /// <summary>What a link gave: medians of its rounds.</summary>
    public LinkFound Found(LinkShape shape)
    {
        double Median(Func<LinkFound, double> of) => Statistics.Percentile(links.Where(l => l.Shape == shape).Select(l => of(l.Found)), 50);
        return new LinkFound(Median(f => f.RoundTripMs), Median(f => f.UpMbit), Median(f => f.DownMbit));
    }

    /// <summary>The median round of a tool's step over a link; null if it was not measured.</summary>
    public Measured? Find(string tool, TransferStep step, LinkShape shape)
    {
        Measured[] sorted = [.. times.Where(t => t.Tool == tool && t.Step == step && t.Link == shape).OrderBy(t => t.Seconds)];
        return sorted.Length == 0 ? null : sorted[(sorted.Length - 1) / 2];
    }

    /// <summary>Seconds that a copy of the compressed session takes over a link at the rate that it was found to have.</summary>
    public double CompressedCopyS(LinkShape shape) => SessionBytes.Compressed * 8 / 1e6 / Found(shape).DownMbit;
}
