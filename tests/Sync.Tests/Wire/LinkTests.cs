using System.Diagnostics;
using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Sync.Tests.Wire;

public sealed class LinkTests
{
    private static readonly TimeSpan Soon = LinkPair.Soon;

    // A beat that waits for what hangs never comes. One that a loaded machine is late with does: 70 threads of this process want its cores as well.
    private static readonly TimeSpan LateMax = TimeSpan.FromSeconds(10);

    [Fact]
    [Trait("Spec", "S-66")]
    [Trait("Spec", "S-68")]
    public void Each_request_of_a_whole_stay_gets_its_answer()
    {
        using var pair = new LinkPair();
        WireLink host = pair.Host;
        Assert.Equal((UInt128)3, host.Pod!.VaultId);
        Assert.Equal("a host", pair.Serving.Host!.DisplayName);
        Assert.Equal(new SessionHandle(7), host.Call(new FindRequest { Name = "demo" }, Soon).Handle);
        pair.MustAnswer();
        byte[] key = [];
        Assert.Equal(2UL, host.OpenLease(LinkPair.LeaseOf("demo"), bytes => key = bytes.ToArray(), Soon).Term);
        Assert.Equal(FakePod.LeaseKey, key);
        Assert.True(host.Call(new AttachRequest { Session = new(7), LeaseId = 1, Term = 2 }, Soon).IsOpen);

        CellId[] ids = LinkPair.Ids(64);
        foreach (CellWant want in new[] { CellWant.Key, CellWant.Cell, CellWant.Both })
        {
            var basket = new CellBasket();
            host.GetCells(new CellsRequest { Want = want, Urgency = (byte)(want == CellWant.Both ? 1 : 0), Ids = ids }, basket, Soon);
            Assert.Equal(64, basket.Taken.Count);
            Assert.All(basket.Taken, t =>
            {
                Assert.Equal(want.HasFlag(CellWant.Key) ? FakePod.KeyOf(ids[t.Key]) : [], t.Value.Key);
                Assert.Equal(want.HasFlag(CellWant.Cell) ? FakePod.CellOf(ids[t.Key]) : [], t.Value.Cell);
            });
        }
        Assert.Equal(1, host.PutCell(FakePod.CellOf(ids[0])));
        Assert.Equal(2, host.PutCell(FakePod.CellOf(ids[1])));
        Assert.Equal(2, host.Flush(Soon));
        CellId[] asked = [ids[5], CellId.Of(FakePod.CellOf(ids[1])), CellId.Of(FakePod.CellOf(ids[0]))];
        Assert.Equal([false, true, true], host.Call(new HaveRequest { Ids = asked }, Soon).Has);
        Assert.Equal(10UL, host.Commit(LinkPair.CommitOf(64, 0), ids, default, Soon).HeadSeq);
        Assert.Equal(1234U, host.Call(RenewRequest.Instance, Soon).ExpiresInMs);
        _ = host.Call(DiscardRequest.Instance, Soon);
        _ = host.Call(new LogRequest { Kind = 3, Numbers = [new("unsealed bytes", -5)] }, Soon);
        _ = host.Call(new ReceiptRequest { Json = "{}"u8.ToArray(), Signature = new byte[64] }, Soon);
        _ = host.Call(CloseLeaseRequest.Instance, Soon);
        Assert.Equal(new LogNumber("unsealed bytes", -5), Assert.Single(pair.Pod.Logged!.Numbers));
        Assert.Equal("{}"u8.ToArray(), pair.Pod.Received!.Json.ToArray());
    }

    [Fact]
    [Trait("Spec", "S-70")]
    public void Lists_of_a_commit_arrive_whole_and_in_order()
    {
        using var pair = new LinkPair();
        CellId[] added = LinkPair.Ids(3 * WireLimits.IdsMax + 1), dropped = LinkPair.Ids(5);
        _ = pair.Host.Commit(LinkPair.CommitOf(added.Length, dropped.Length), added, dropped, Soon);
        Assert.Equal(added, pair.Pod.Added);
        Assert.Equal(dropped, pair.Pod.Dropped);
        _ = pair.Host.Commit(LinkPair.CommitOf(0, 1), default, dropped.AsMemory(0, 1), Soon);
        Assert.Empty(pair.Pod.Added);
        Assert.Single(pair.Pod.Dropped);
    }

    [Fact]
    [Trait("Spec", "S-65")]
    public void An_error_of_the_pod_arrives_with_its_exit_code_and_cure_and_the_link_goes_on()
    {
        var pod = new FakePod { First = name => { if (name == "find") throw new VmPodException(ExitCode.Busy, "Held\nby another.", "Wait."); } };
        using var pair = new LinkPair(pod);
        VmPodException e = Assert.Throws<VmPodException>(() => pair.Host.Call(new FindRequest { Name = "x" }, Soon));
        Assert.Equal((ExitCode.Busy, "Held by another.", "Wait."), (e.ExitCode, e.Message, e.Hint));
        pair.MustAnswer();
    }

    [Fact]
    [Trait("Spec", "S-65")]
    public void A_bug_of_the_pod_is_reported_there_and_its_text_stays_there()
    {
        Exception? seen = null;
        using var pair = new LinkPair(new FakePod { First = name => { if (name == "renew") throw new InvalidOperationException("secret"); } }, e => seen = e);
        VmPodException e = Assert.Throws<VmPodException>(() => pair.Host.Call(RenewRequest.Instance, Soon));
        Assert.Equal(ExitCode.Bug, e.ExitCode);
        Assert.DoesNotContain("secret", e.Message + e.Hint, StringComparison.Ordinal);
        Assert.Equal("secret", Assert.IsType<InvalidOperationException>(seen).Message);
        pair.MustAnswer();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(4000)]
    [Trait("Spec", "S-65")]
    public void A_reply_that_cannot_be_is_a_bug_of_the_pod_and_is_not_sent(int count)
    {
        Exception? seen = null;
        using var pair = new LinkPair(new FakePod { HaveInstead = _ => new bool[count] }, e => seen = e);
        VmPodException told = Assert.Throws<VmPodException>(() => pair.Host.Call(new HaveRequest { Ids = LinkPair.Ids(3) }, Soon));
        Assert.Equal(ExitCode.Bug, told.ExitCode);
        Assert.NotNull(seen);
        pair.MustAnswer();
    }

    [Fact]
    [Trait("Spec", "S-64")]
    [Trait("Spec", "S-65")]
    public void What_the_other_side_would_refuse_is_a_bug_of_the_caller_and_is_not_sent()
    {
        using var pair = new LinkPair();
        _ = Assert.Throws<ArgumentException>(() => pair.Host.Call(new FindRequest { Name = "a\nb" }, Soon));
        _ = Assert.Throws<ArgumentException>(() => pair.Host.Call(new FindRequest { Name = "" }, Soon));
        _ = Assert.Throws<ArgumentException>(() => pair.Host.Call(new FindRequest { Name = new string('x', 129) }, Soon));
        _ = Assert.Throws<ArgumentException>(() =>
            pair.Host.GetCells(new CellsRequest { Want = CellWant.Key, Urgency = 0, Ids = LinkPair.Ids(65) }, new CellBasket(), Soon));
        _ = Assert.Throws<ArgumentException>(() => pair.Host.PutCell(new byte[WireCases.CellBytes - 1]));
        _ = Assert.Throws<ArgumentException>(() => pair.Host.Commit(LinkPair.CommitOf(1, 0), default, default, Soon));
        for (int i = 0; i < 3 * WireLimits.RequestsMax; i++)
            _ = Assert.Throws<ArgumentException>(() => pair.Host.Call(new FindRequest { Name = "" }, Soon));       // no place is lost
        pair.MustAnswer();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Spec", "S-69")]
    public void A_put_that_failed_is_told_once_at_the_next_flush_or_commit(bool byFlush)
    {
        int puts = 0;
        using var pair = new LinkPair(new FakePod
        {
            First = name =>
            {
                if (name == "put-cell" && ++puts == 2)
                    throw new VmPodException(ExitCode.NoSpace, "Full.");
            },
        });
        for (int i = 0; i < 3; i++)
            _ = pair.Host.PutCell(new byte[WireCases.CellBytes]);
        VmPodException e = Assert.Throws<VmPodException>(() =>
        {
            if (byFlush)
                _ = pair.Host.Flush(Soon);
            else
                _ = pair.Host.Commit(LinkPair.CommitOf(0, 0), default, default, Soon);
        });
        Assert.Equal(ExitCode.NoSpace, e.ExitCode);
        Assert.DoesNotContain(pair.Pod.Asked, name => name is "flush" or "commit");
        Assert.Equal(3, pair.Host.Flush(Soon));
    }

    [Fact]
    [Trait("Spec", "S-69")]
    public async Task Writes_are_worked_off_in_the_order_of_sending_while_reads_overtake_them()
    {
        using var hold = new ManualResetEventSlim();
        using var pair = new LinkPair(new FakePod { First = name => { if (name == "put-cell") hold.Wait(); } });
        _ = pair.Host.PutCell(new byte[WireCases.CellBytes]);
        Task<long> flush = Task.Run(() => pair.Host.Flush(Soon));
        pair.MustAnswer();
        Assert.Equal(1234U, pair.Host.Call(RenewRequest.Instance, Soon).ExpiresInMs);
        Assert.False(flush.IsCompleted);
        hold.Set();
        Assert.Equal(1, await flush);
        Assert.Equal(["put-cell", "flush"], pair.Pod.Asked.Where(n => n is "put-cell" or "flush"));
    }

    [Fact]
    [Trait("Spec", "S-72")]
    public async Task A_request_beyond_the_bound_waits_for_a_place_and_each_ends_in_its_time()
    {
        using var hold = new ManualResetEventSlim();
        using var pair = new LinkPair(new FakePod { First = name => { if (name == "renew") hold.Wait(); } });
        Task<RenewedReply>[] many = [.. Enumerable.Range(0, WireLimits.RequestsMax).Select(_ => pair.Host.CallAsync(RenewRequest.Instance, Soon).AsTask())];
        var clock = Stopwatch.StartNew();
        VmPodException e = Assert.Throws<VmPodException>(() => pair.Host.Call(RenewRequest.Instance, TimeSpan.FromMilliseconds(300)));
        Assert.Equal(ExitCode.LinkLost, e.ExitCode);
        Assert.InRange(clock.ElapsedMilliseconds, 250, 30_000);
        Assert.Null(pair.Host.Failure);
        Task<RenewedReply> next = Task.Run(() => pair.Host.Call(RenewRequest.Instance, Soon));
        hold.Set();
        Assert.Equal(1234U, (await next).ExpiresInMs);
        Assert.All(await Task.WhenAll(many), reply => Assert.Equal(1234U, reply.ExpiresInMs));
    }

    [Fact]
    [Trait("Spec", "S-69")]
    public async Task What_somebody_waits_for_is_answered_while_read_ahead_takes_long()
    {
        using var hold = new ManualResetEventSlim();
        using var pair = new LinkPair(new FakePod { First = name => { if (name == "get-cells") hold.Wait(); } });
        CellId[] ids = LinkPair.Ids(1);
        // More than there are workers: they would all be busy with it.
        Task[] ahead = [.. Enumerable.Range(0, 3 * WireLimits.ReadWorkers).Select(_ => Task.Run(() =>
            pair.Host.GetCells(new CellsRequest { Want = CellWant.Key, Urgency = 1, Ids = ids }, new CellBasket(), Soon)))];
        Assert.True(SpinWait.SpinUntil(() => pair.Pod.Asked.Count == WireLimits.ReadAheadWorkers, Soon), $"{pair.Pod.Asked.Count} are worked on");
        pair.MustAnswer();
        Assert.Equal(WireLimits.ReadAheadWorkers, pair.Pod.Asked.Count(name => name == "get-cells"));
        hold.Set();
        await Task.WhenAll(ahead);
    }

    [Fact]
    [Trait("Spec", "S-72")]
    public void A_destination_is_not_touched_after_its_request_was_given_up_and_the_late_answer_harms_nothing()
    {
        using var hold = new ManualResetEventSlim();
        using var pair = new LinkPair(new FakePod { First = name => { if (name == "get-cells") hold.Wait(); } });
        var basket = new CellBasket();
        var request = new CellsRequest { Want = CellWant.Both, Urgency = 0, Ids = LinkPair.Ids(8) };
        _ = Assert.Throws<VmPodException>(() => pair.Host.GetCells(request, basket, TimeSpan.FromMilliseconds(100)));
        hold.Set();
        var second = new CellBasket();
        pair.Host.GetCells(request, second, Soon);
        Assert.Equal(8, second.Taken.Count);
        Assert.Empty(basket.Taken);
    }

    [Fact]
    [Trait("Spec", "S-68")]
    public void What_a_destination_throws_reaches_its_caller_and_the_link_goes_on()
    {
        using var pair = new LinkPair();
        var basket = new CellBasket { First = () => throw new FormatException("mine") };
        _ = Assert.Throws<FormatException>(() =>
            pair.Host.GetCells(new CellsRequest { Want = CellWant.Cell, Urgency = 0, Ids = LinkPair.Ids(3) }, basket, Soon));
        _ = Assert.Throws<FormatException>(() => pair.Host.OpenLease(LinkPair.LeaseOf("x"), _ => throw new FormatException(), Soon));
        pair.MustAnswer();
    }

    [Fact]
    [Trait("Spec", "S-71")]
    [Trait("Spec", "S-73")]
    public void Beats_are_not_late_while_64_readers_read_and_a_writer_fills_the_link()
    {
        using var pair = new LinkPair();
        using var stop = new CancellationTokenSource();
        byte[] cell = new byte[WireCases.CellBytes];
        long puts = 0, reads = 0;
        Thread[] threads =
        [
            new Thread(() =>
            {
                while (!stop.IsCancellationRequested)
                    puts = pair.Host.PutCell(cell);
            }),
            .. Enumerable.Range(0, 64).Select(i => new Thread(() =>
            {
                CellId[] ids = LinkPair.Ids(2);
                while (!stop.IsCancellationRequested)
                {
                    var basket = new CellBasket();
                    pair.Host.GetCells(new CellsRequest { Want = CellWant.Both, Urgency = 0, Ids = ids }, basket, Soon);
                    Assert.Equal(FakePod.CellOf(ids[1]), basket.Taken[1].Cell);
                    _ = Interlocked.Increment(ref reads);
                }
            })),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        (TimeSpan hostGap, TimeSpan podGap) = (LongestGap(pair.Host), LongestGap(pair.Serving));
        stop.Cancel();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.Null(pair.Host.Failure);
        Assert.True(puts > 100 && reads > 100, $"{puts} puts, {reads} reads");
        TestContext.Current.TestOutputHelper?.WriteLine($"{puts} puts, {reads} reads; longest gap between beats: {hostGap}, {podGap}");
        Assert.True(hostGap < LateMax && podGap < LateMax, $"{hostGap}, {podGap}");
    }

    [Fact]
    [Trait("Spec", "S-73")]
    public async Task A_handler_that_hangs_does_not_keep_the_beats_back()
    {
        using var hold = new ManualResetEventSlim();
        using var pair = new LinkPair(new FakePod { First = _ => hold.Wait() });
        Task<RenewedReply>[] stuck = [.. Enumerable.Range(0, 20).Select(_ => pair.Host.CallAsync(RenewRequest.Instance, Soon).AsTask())];
        for (int i = 0; i < 20; i++)
            _ = pair.Host.PutCell(new byte[WireCases.CellBytes]);
        pair.Host.UnsealedBytes = 77;
        pair.Serving.IsUnlocked = false;
        Assert.True(LongestGap(pair.Host) < LateMax);
        Assert.Equal(77UL, pair.Serving.LastBeat.UnsealedBytes);
        Assert.False(pair.Host.LastBeat.IsUnlocked);
        Assert.True(pair.Host.SilentFor < LateMax);
        hold.Set();
        _ = await Task.WhenAll(stuck);
    }

    [Fact]
    [Trait("Spec", "S-71")]
    public void What_room_a_pod_has_comes_with_its_beats()
    {
        using var pair = new LinkPair();
        foreach (PodSpace said in (PodSpace[])[new(PodRoom.Low, 123_456_789), new(PodRoom.KeptOnly, 0), new(PodRoom.Enough, ulong.MaxValue)])
        {
            pair.Serving.Space = said;
            Assert.True(SpinWait.SpinUntil(() => pair.Host.LastBeat.Space == said, Soon), $"{pair.Host.LastBeat}");
        }
        Assert.True(SpinWait.SpinUntil(() => pair.Serving.LastBeat.Count > 0, Soon));
        Assert.Null(pair.Serving.LastBeat.Space);
    }

    [Theory]
    [InlineData(WireRole.Host)]
    [InlineData(WireRole.Pod)]
    [Trait("Spec", "S-66")]
    [Trait("Spec", "S-71")]
    public async Task A_peer_of_version_1_is_spoken_to_in_version_1(WireRole role)
    {
        var first = new WireVersions(1, 1);
        byte[] hello = WireCase.BytesOf(role == WireRole.Host ? LinkPair.HostSays() with { Versions = first } : LinkPair.PodSays() with { Versions = first });
        using var peer = new RawPeer(role, hello: false);
        peer.Send(WireType.Hello, 0, hello);
        WireLink link = await peer.Opening.WaitAsync(Soon, TestContext.Current.CancellationToken);
        if (role == WireRole.Host)
        {
            link.Space = new PodSpace(PodRoom.Low, 7);
            byte[] beat = peer.ReceiveBeat();
            Assert.Equal(13, beat.Length);
            return;
        }
        peer.Send(WireType.Beat, 0, [0, 0, 0, 1, .. new byte[8], 1]);
        Assert.True(SpinWait.SpinUntil(() => link.LastBeat.Count == 1, Soon));
        Assert.Equal(new Beat(WireRole.Pod, 1, 0, 0, true), link.LastBeat);
        // What it does not know must not be taken from it.
        peer.Send(WireType.Beat, 0, [0, 0, 0, 2, .. new byte[8], 1, 0, .. new byte[8]]);
        Assert.Equal(ExitCode.Damaged, (await peer.Failure()).ExitCode);
    }

    [Fact]
    [Trait("Spec", "S-78")]
    public async Task A_link_of_version_2_has_no_forks_and_one_of_version_3_has()
    {
        using (var pair = new LinkPair(new FakePod()))
        {
            Assert.Equal(WireLimits.VersionMax, pair.Host.Version);
            Assert.Equal("host", Assert.Single(pair.Host.Call(new ForksRequest { Session = new(7) }, Soon).Lines).Host);
        }
        byte[] hello = WireCase.BytesOf(LinkPair.HostSays() with { Versions = new WireVersions(1, 2) });
        using var peer = new RawPeer(WireRole.Host, hello: false);
        peer.Send(WireType.Hello, 0, hello);
        WireLink link = await peer.Opening.WaitAsync(Soon, TestContext.Current.CancellationToken);
        Assert.Equal(2, link.Version);
        peer.Send(WireType.GetForks, 1, new byte[16]);
        Assert.Equal(ExitCode.Damaged, (await peer.Failure()).ExitCode);
    }

    [Fact]
    [Trait("Spec", "S-72")]
    [Trait("Spec", "S-74")]
    public async Task A_lost_link_wakes_everybody_at_once_with_exit_code_7()
    {
        using var hold = new ManualResetEventSlim();
        using var pair = new LinkPair(new FakePod { First = _ => hold.Wait() });
        Task<RenewedReply>[] waiting = [.. Enumerable.Range(0, WireLimits.RequestsMax).Select(_ => pair.Host.CallAsync(RenewRequest.Instance, Soon).AsTask())];
        Task<RenewedReply> noPlace = Task.Run(() => pair.Host.Call(RenewRequest.Instance, Soon));
        Task putting = Task.Run(() =>
        {
            while (true)
                _ = pair.Host.PutCell(new byte[WireCases.CellBytes]);
        });
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(waiting, t => t.IsCompleted);
        var clock = Stopwatch.StartNew();
        pair.Wires.PodSocket.Close();
        foreach (Task task in (Task[])[.. waiting, noPlace, putting])
            Assert.Equal(ExitCode.LinkLost, (await Assert.ThrowsAsync<VmPodException>(() => task)).ExitCode);
        // At once, and not at the end of its own time.
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, Soon / 2);
        Assert.Equal(ExitCode.LinkLost, Assert.Throws<VmPodException>(() => pair.Host.Flush(Soon)).ExitCode);
        Assert.Equal(ExitCode.LinkLost, Assert.Throws<VmPodException>(pair.MustAnswer).ExitCode);
        await pair.Host.Ended;
        hold.Set();
    }

    [Fact]
    [Trait("Spec", "S-75")]
    public async Task An_orderly_end_is_told_as_one_on_both_sides()
    {
        using var pair = new LinkPair();
        for (int i = 0; i < 100; i++)
            _ = pair.Host.PutCell(new byte[WireCases.CellBytes]);
        pair.Host.Close();
        await pair.Serving.Ended.WaitAsync(Soon, TestContext.Current.CancellationToken);
        Assert.Contains("the other side ended it", pair.Serving.Failure!.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.LinkLost, pair.Serving.Failure!.ExitCode);
        Assert.Contains("this side ended it", pair.Host.Failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "S-63")]
    public void The_memory_that_was_lent_holds_keys_while_it_is_used_and_zeros_afterwards()
    {
        var pair = new LinkPair();
        bool wasThere = false;
        _ = pair.Host.OpenLease(LinkPair.LeaseOf("x"), _ => wasThere = !pair.MemoryIsZero, Soon);
        Assert.True(wasThere);
        pair.Dispose();
        Assert.True(pair.MemoryIsZero);
    }

    [Fact]
    [Trait("Spec", "S-71")]
    public async Task Puts_wait_while_the_pod_takes_nothing_and_its_memory_stays_bounded()
    {
        using var hold = new ManualResetEventSlim();
        using var pair = new LinkPair(new FakePod { First = _ => hold.Wait() });
        pair.Wires.HostSocket.SendBufferSize = 64 * 1024;
        int puts = 0;
        Task putting = Task.Run(() =>
        {
            for (; puts < 4000; puts++)
                _ = pair.Host.PutCell(new byte[WireCases.CellBytes]);
        });
        int before;
        do
        {
            before = puts;
            await Task.Delay(300, TestContext.Current.CancellationToken);
        }
        while (puts != before);
        Assert.False(putting.IsCompleted);
        Assert.True(pair.Serving.SilentFor < LateMax, "a pod that does not listen hears no silence");
        hold.Set();
        await putting.WaitAsync(Soon, TestContext.Current.CancellationToken);
        Assert.Equal(4000, pair.Host.Flush(Soon));
    }

    /// <summary>Watches the peer's beats until there were a few: two seconds of them. The longest time between two.</summary>
    private static TimeSpan LongestGap(WireLink link)
    {
        const int Beats = 8;
        uint first = link.LastBeat.Count, last = first;
        TimeSpan longest = TimeSpan.Zero;
        long since = Stopwatch.GetTimestamp(), begin = since;
        while (last - first < Beats)
        {
            if (Stopwatch.GetElapsedTime(begin) > Soon)
                throw new TimeoutException($"Only {last - first} beats came.");
            Thread.Sleep(5);
            if (link.LastBeat.Count != last)
            {
                last = link.LastBeat.Count;
                since = Stopwatch.GetTimestamp();
            }
            if (Stopwatch.GetElapsedTime(since) is var gap && gap > longest)
                longest = gap;
        }
        return longest;
    }
}
