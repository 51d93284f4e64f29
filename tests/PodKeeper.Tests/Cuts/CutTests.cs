using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using VmPod.PodKeeper.Tests.Serving;
using VmPod.Sync.Wire;
using Xunit;

namespace VmPod.PodKeeper.Tests.Cuts;

/// <summary>
/// A link is cut at a byte, any byte of either direction (SECURITY.md, R9), while 64 KiB of cells go to the pod and are committed, or come from it. On the next
/// link all ends as if nothing had been, and at most one cell has crossed twice. VMPOD_SOAK=293 tries every byte there is.
/// </summary>
public sealed class CutTests
{
    // Of the walk over all bytes; those beside the bounds of frames are taken in any case, and all where few bytes go.
    private const int Step = 293, FewBytes = 1024, FewStep = 7;

    // A pod's folder grows by 64 KiB with each upload.
    private const int RunsOfOnePod = 512;

    private delegate CutOutcome Run(CutHost host, Way way, long after);

    [Theory]
    [InlineData(true, Way.ToPod)]
    [InlineData(true, Way.ToHost)]
    [InlineData(false, Way.ToHost)]
    [InlineData(false, Way.ToPod)]
    [Trait("Spec", "S-76")]
    [Trait("Spec", "S-77")]
    public async Task A_sync_that_is_cut_at_any_byte_ends_equal_and_at_most_one_cell_crosses_twice(bool uploads, Way way)
    {
        Run run = uploads ? static (host, w, after) => host.UploadCut(w, after) : static (host, w, after) => host.FetchCut(w, after);
        byte[] whole = [];
        using (var pod = new ServedPod(inRam: true))
        {
            CutHost host = new(pod);
            whole = uploads ? host.RecordUpload(way) : host.RecordFetch(way);
            host.End();
        }
        var all = new ConcurrentQueue<int>(Offsets(whole));
        int tried = all.Count, cut = 0, once = 0;
        var since = Stopwatch.StartNew();
        Task[] workers = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => Task.Factory.StartNew(() =>
        {
            while (!all.IsEmpty)
            {
                using var pod = new ServedPod(inRam: true);
                CutHost host = new(pod);
                for (int i = 0; i < RunsOfOnePod && all.TryDequeue(out int after); i++)
                {
                    CutOutcome outcome = At(after, () => run(host, way, after));
                    Assert.True(outcome.Twice <= 1, $"cut after byte {after}: {outcome.Twice} of {outcome.Cells} cells crossed twice");
                    Interlocked.Add(ref cut, outcome.WasCut ? 1 : 0);
                    Interlocked.Add(ref once, outcome.Twice);
                }
                if (uploads)
                    host.CheckPod();
                host.End();
            }
        }, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        await Task.WhenAll(workers);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{(uploads ? "put" : "get")} {way}: {tried} cuts of {whole.Length} bytes, {once} cells crossed twice in part, ") + string.Create(
            CultureInfo.InvariantCulture, $"{since.Elapsed.TotalMilliseconds / tried:0.00} ms each"));
        // A commit is a cell longer or shorter now and then: what is beyond its end is not cut.
        Assert.True(10 * cut >= 9 * tried, $"{cut} of {tried} runs were cut");
        // Some cuts went through a cell: else the walk was not over cells at all.
        Assert.Equal(uploads == (way == Way.ToPod), once > tried / 2);
    }

    [Fact]
    public void The_instrument_finds_out_a_host_that_begins_anew()
    {
        using var pod = new ServedPod(inRam: true);
        CutHost host = new(pod) { BeginsAnew = true };
        int put = host.RecordUpload(Way.ToPod).Length, got = host.RecordFetch(Way.ToHost).Length;
        CutOutcome upload = host.UploadCut(Way.ToPod, put - 10), fetch = host.FetchCut(Way.ToHost, got - 10);
        Assert.True(upload.Twice >= 4 && fetch.Twice >= 4, $"{upload}, {fetch}");
        host.BeginsAnew = false;
        Assert.InRange(host.UploadCut(Way.ToPod, put - 10).Twice, 0, 1);
        Assert.InRange(host.FetchCut(Way.ToHost, got - 10).Twice, 0, 1);
        host.End();
    }

    [Fact]
    [Trait("Spec", "S-76")]
    [Trait("Spec", "P-45")]
    public void What_a_pod_was_still_taking_in_when_the_link_was_cut_is_there_when_the_host_is_back()
    {
        using var pod = new ServedPod(inRam: true);
        CutHost host = new(pod);
        IReadOnlyList<byte[]> cells = host.NewCells(150);
        // 2.4 MiB, of which a pod that opens each cell has done a part when the next link attaches the lease.
        Assert.All(host.PutAndReturn(cells), Assert.True);
        host.End();
    }

    private static IEnumerable<int> Offsets(byte[] whole)
    {
        int step = Soak.Step(whole.Length <= FewBytes ? FewStep : Step);
        HashSet<int> beside = [.. WireFrames.In(whole).SelectMany(f => new[] { f.At - 1, f.At, f.At + 1, f.At + WireLimits.HeaderBytes, f.End - 1 })];
        return Enumerable.Range(0, whole.Length).Where(at => at % step == 0 || beside.Contains(at));
    }

    private static CutOutcome At(int after, Func<CutOutcome> run)
    {
        try
        {
            return run();
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"cut after byte {after}: {e.Message}", e);
        }
    }
}
