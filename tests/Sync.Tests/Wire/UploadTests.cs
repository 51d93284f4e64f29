using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Sync.Tests.Wire;

/// <summary>What was put crosses once: what came whole counts, and what is there is not put again.</summary>
public sealed class UploadTests
{
    private static readonly TimeSpan Soon = LinkPair.Soon;

    [Fact]
    [Trait("Spec", "S-76")]
    public async Task Cells_that_came_whole_before_the_link_was_lost_are_taken_in_and_nothing_else_is_begun()
    {
        using var hold = new ManualResetEventSlim();
        var pod = new FakePod { First = _ => hold.Wait() };
        using var peer = new RawPeer(WireRole.Host, pod);
        byte[][] cells = Cells(10);
        foreach (byte[] cell in cells)
            peer.Send(WireType.PutCell, 0, cell);
        peer.Send(WireType.Flush, 1, WireCase.BytesOf(new FlushRequest { Ordinal = 10 }));
        peer.Send(RawPeer.Frame(WireType.PutCell, 0, cells[0].AsSpan(0, 100), WireCases.CellBytes));
        peer.Stream.Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(ExitCode.LinkLost, (await peer.Failure()).ExitCode);
        // The first is held, so nine waited when it ended.
        Assert.Empty(pod.Put);
        hold.Set();
        peer.Link.Settle(TimeSpan.Zero, Soon);
        Assert.Equal(cells.Select(c => CellId.Of(c)), pod.Put);
        Assert.DoesNotContain("flush", pod.Asked);
    }

    [Fact]
    [Trait("Spec", "S-76")]
    public async Task Of_a_host_that_broke_a_rule_no_further_cell_is_taken_in()
    {
        using var hold = new ManualResetEventSlim();
        var pod = new FakePod { First = _ => hold.Wait() };
        using var peer = new RawPeer(WireRole.Host, pod);
        foreach (byte[] cell in Cells(10))
            peer.Send(WireType.PutCell, 0, cell);
        Assert.True(SpinWait.SpinUntil(() => !pod.Asked.IsEmpty, Soon));
        peer.Send([0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(ExitCode.Damaged, (await peer.Failure()).ExitCode);
        hold.Set();
        peer.Link.Settle(TimeSpan.Zero, Soon);
        _ = Assert.Single(pod.Put);
    }

    [Fact]
    [Trait("Spec", "S-76")]
    public async Task A_link_that_stands_is_settled_once_its_cells_are_taken_in_and_nothing_comes()
    {
        using var hold = new ManualResetEventSlim();
        var pod = new FakePod { First = _ => hold.Wait() };
        using var pair = new LinkPair(pod);
        foreach (byte[] cell in Cells(3))
            _ = pair.Host.PutCell(cell);
        Task settled = Task.Run(() => pair.Serving.Settle(TimeSpan.FromMilliseconds(10), Soon), TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => !pod.Asked.IsEmpty, Soon));
        Assert.False(settled.IsCompleted);
        hold.Set();
        await settled.WaitAsync(Soon, TestContext.Current.CancellationToken);
        // A limit is a limit, whatever the host keeps sending.
        hold.Reset();
        _ = pair.Host.PutCell(Cells(1)[0]);
        pair.Serving.Settle(TimeSpan.FromDays(1), TimeSpan.FromMilliseconds(50));
        hold.Set();
    }

    [Fact]
    [Trait("Spec", "S-77")]
    public void A_cell_goes_over_a_link_once_however_often_it_is_put_and_not_at_all_if_it_is_there()
    {
        var pod = new FakePod();
        byte[][] cells = Cells(8);
        CellId[] ids = [.. cells.Select(c => CellId.Of(c))];
        using (var pair = new LinkPair(pod))
        {
            // Without it a cell that is put twice crosses twice.
            _ = pair.Host.PutCell(cells[0]);
            _ = pair.Host.PutCell(cells[0]);
            Assert.Equal(2, pair.Host.Flush(Soon));
            Assert.Equal(2, pod.Put.Count);
            var upload = new CellUpload(pair.Host, WireCases.CellBytes);
            upload.Put(ids[1], cells[1]);
            upload.Put(ids[1], cells[1]);
            upload.PutMissing(ids, Read, Soon);
            upload.PutMissing(ids, Read, Soon);
            // One twice by hand, one by Put, and the six that were missing.
            Assert.Equal(9, pair.Host.Flush(Soon));
        }
        using var next = new LinkPair(pod);
        new CellUpload(next.Host, WireCases.CellBytes).PutMissing(ids, Read, Soon);
        Assert.Equal(0, next.Host.Flush(Soon));
        Assert.Equal(9, pod.Put.Count);

        bool Read(in CellId id, Span<byte> cell)
        {
            cells[Array.IndexOf(ids, id)].CopyTo(cell);
            return true;
        }
    }

    [Fact]
    [Trait("Spec", "S-77")]
    public void Cells_that_are_made_while_the_missing_ones_are_sent_go_over_once_too()
    {
        var pod = new FakePod();
        byte[][] cells = Cells(200);
        CellId[] ids = [.. cells.Select(c => CellId.Of(c))];
        using var pair = new LinkPair(pod);
        var upload = new CellUpload(pair.Host, WireCases.CellBytes);
        Parallel.Invoke(
            () => upload.PutMissing(ids, Read, Soon),
            () => upload.PutMissing(ids, Read, Soon),
            () =>
            {
                for (int i = cells.Length - 1; i >= 0; i--)
                    upload.Put(ids[i], cells[i]);
            });
        Assert.Equal(cells.Length, pair.Host.Flush(Soon));
        Assert.Equal(ids.Order(), pod.Put.Order());

        bool Read(in CellId id, Span<byte> cell)
        {
            cells[Array.IndexOf(ids, id)].CopyTo(cell);
            return true;
        }
    }

    [Fact]
    [Trait("Spec", "S-77")]
    public void What_was_not_seen_to_because_the_pod_gave_no_answer_is_seen_to_at_the_next_try()
    {
        bool refuses = true;
        var pod = new FakePod { First = name => { if (name == "have" && refuses) throw new VmPodException(ExitCode.Busy, "Not now."); } };
        byte[][] cells = Cells(3);
        CellId[] ids = [.. cells.Select(c => CellId.Of(c))];
        using var pair = new LinkPair(pod);
        var upload = new CellUpload(pair.Host, WireCases.CellBytes);
        CellUpload.Reader read = (in CellId id, Span<byte> cell) => cells[Array.IndexOf(ids, id)].AsSpan().TryCopyTo(cell);
        Assert.Equal(ExitCode.Busy, Assert.Throws<VmPodException>(() => upload.PutMissing(ids, read, Soon)).ExitCode);
        refuses = false;
        upload.PutMissing(ids, read, Soon);
        Assert.Equal(3, pair.Host.Flush(Soon));
    }

    [Fact]
    [Trait("Spec", "S-77")]
    public void A_pod_that_says_another_size_of_its_cells_gets_none_of_those_that_are_kept()
    {
        using var pair = new LinkPair();
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => new CellUpload(pair.Host, 2 * WireCases.CellBytes)).ExitCode);
    }

    // All different.
    private static byte[][] Cells(int count) => [.. Enumerable.Range(0, count).Select(i =>
    {
        byte[] cell = new byte[WireCases.CellBytes];
        cell[0] = (byte)i;
        return cell;
    })];
}
