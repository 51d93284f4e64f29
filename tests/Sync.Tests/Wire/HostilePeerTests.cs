using System.Diagnostics;
using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Sync.Tests.Wire;

/// <summary>Peers that break the rules: each ends the link with a clear word, or gets an answer, and nobody waits longer than 5 seconds.</summary>
public sealed class HostilePeerTests
{
    private static readonly TimeSpan Soon = LinkPair.Soon;

    public static TheoryData<string> Messages => [.. WireCases.All.Where(c => c.Type != WireType.Hello).Select(c => c.Name)];

    [Theory]
    [InlineData(WireRole.Host, 0, 0, "is no", ExitCode.Damaged)]
    [InlineData(WireRole.Host, 4, 9, "This pod is older than the host", ExitCode.Refused)]
    [InlineData(WireRole.Pod, 4, 9, "This host is older than the pod", ExitCode.Refused)]
    [InlineData(WireRole.Host, 9, 2, "protocol", ExitCode.Damaged)]
    [Trait("Spec", "S-66")]
    public async Task A_peer_of_another_version_is_refused_with_a_word_that_says_who_is_older(WireRole role, ushort min, ushort max, string word, ExitCode code)
    {
        using var peer = new RawPeer(role, hello: false);
        byte[] hello = RawPeer.HelloOf(role);
        (hello[4], hello[5], hello[6], hello[7]) = ((byte)(min >> 8), (byte)min, (byte)(max >> 8), (byte)max);
        peer.Send(WireType.Hello, 0, [.. hello, .. new byte[100]]);      // of a later version: longer
        VmPodException e = await Assert.ThrowsAsync<VmPodException>(() => peer.Opening.WaitAsync(Soon, TestContext.Current.CancellationToken));
        Assert.Equal(code, e.ExitCode);
        Assert.Contains(min == 0 ? "protocol" : word, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(WireRole.Host)]
    [InlineData(WireRole.Pod)]
    [Trait("Spec", "S-66")]
    public async Task A_peer_of_the_own_role_is_refused(WireRole role)
    {
        using var peer = new RawPeer(role, hello: false);
        peer.Send(WireType.Hello, 0, RawPeer.HelloOf(role == WireRole.Host ? WireRole.Pod : WireRole.Host));
        VmPodException e = await Assert.ThrowsAsync<VmPodException>(() => peer.Opening.WaitAsync(Soon, TestContext.Current.CancellationToken));
        Assert.Equal(ExitCode.Damaged, e.ExitCode);
    }

    [Theory]
    [InlineData(WireRole.Host)]
    [InlineData(WireRole.Pod)]
    [Trait("Spec", "S-60")]
    [Trait("Spec", "S-61")]
    [Trait("Spec", "S-62")]
    [Trait("Threat", "T-29")]
    public async Task A_frame_beyond_the_limit_of_its_type_ends_the_link_before_its_body_is_awaited(WireRole role)
    {
        foreach (WireType type in Enum.GetValues<WireType>())
        {
            WireRule rule = WireRule.Of(type, WireCases.CellBytes)!.Value;
            if (rule.Sender is { } sender && sender != role)
                continue;
            long[] lengths = [rule.BodyMax + 1L, int.MaxValue, uint.MaxValue - 5L, .. rule.BodyMin > 0 ? new long[] { rule.BodyMin - 1 } : []];
            foreach (long length in lengths)
            {
                using var peer = new RawPeer(role);
                peer.Send(RawPeer.Frame(type, rule.Kind == FrameKind.OneWay ? 0u : 1u, [], length));
                Assert.Equal(ExitCode.Damaged, (await peer.Failure()).ExitCode);
            }
        }
        for (byte length = 0; length < 5; length++)
        {
            using var peer = new RawPeer(role);
            peer.Send([0, 0, 0, length, (byte)WireType.Bye, 0, 0, 0, 0]);
            Assert.Equal(ExitCode.Damaged, (await peer.Failure()).ExitCode);
        }
    }

    [Theory]
    [InlineData(WireRole.Host)]
    [InlineData(WireRole.Pod)]
    [Trait("Spec", "S-61")]
    [Trait("Spec", "S-66")]
    public async Task A_frame_that_does_not_exist_or_goes_the_wrong_way_or_comes_too_early_ends_the_link(WireRole role)
    {
        for (int type = 0; type < 256; type++)
        {
            WireRule? rule = WireRule.Of((WireType)type, WireCases.CellBytes);
            if (rule is null || (rule.Value.Sender is { } sender && sender != role) || (WireType)type == WireType.Hello)
            {
                using var peer = new RawPeer(role);
                peer.Send(RawPeer.Frame((WireType)type, rule?.Kind == FrameKind.OneWay ? 0u : 1u, [], Math.Min(rule?.BodyMin ?? 0, 100)));
                Assert.Equal(ExitCode.Damaged, (await peer.Failure()).ExitCode);
            }
            if (rule is null || (WireType)type == WireType.Hello)
                continue;
            using var early = new RawPeer(role, hello: false);
            early.Send(RawPeer.Frame((WireType)type, 0, [], 0));
            Assert.Equal(ExitCode.Damaged, (await Assert.ThrowsAsync<VmPodException>(() => early.Opening.WaitAsync(Soon))).ExitCode);
        }
    }

    [Fact]
    [Trait("Spec", "S-72")]
    public async Task A_reply_that_nobody_asked_for_or_of_another_type_or_twice_ends_the_link()
    {
        using (var peer = new RawPeer(WireRole.Pod))
        {
            peer.Send(WireType.Done, 5, []);
            Assert.Contains("nobody asked for", (await peer.Failure()).Message, StringComparison.Ordinal);
        }
        using (var peer = new RawPeer(WireRole.Pod))
        {
            Task<RenewedReply> asking = peer.Link.CallAsync(RenewRequest.Instance, Soon).AsTask();
            peer.Send(WireType.Done, peer.Receive().Header.Request, []);
            Assert.Equal(ExitCode.Damaged, (await Assert.ThrowsAsync<VmPodException>(() => asking)).ExitCode);
        }
        foreach (byte[] indices in new byte[][] { [0, 0], [2], [0, 1, 1] })
        {
            using var peer = new RawPeer(WireRole.Pod);
            var what = new CellsRequest { Want = CellWant.Key, Urgency = 0, Ids = LinkPair.Ids(2) };
            Task asking = peer.Link.GetCellsAsync(what, new CellBasket(), Soon).AsTask();
            uint request = peer.Receive().Header.Request;
            foreach (byte index in indices)
                peer.Send(WireType.Cell, request, [0, index, 0, .. new byte[32]]);
            Assert.Equal(ExitCode.Damaged, (await peer.Failure()).ExitCode);
            if (indices.Length < 3)
                _ = await Assert.ThrowsAsync<VmPodException>(() => asking);
        }
    }

    [Fact]
    [Trait("Spec", "S-68")]
    public async Task A_reply_that_answers_another_question_ends_the_link()
    {
        using var peer = new RawPeer(WireRole.Pod);
        Task<HaveReply> asking = peer.Link.CallAsync(new HaveRequest { Ids = LinkPair.Ids(3) }, Soon).AsTask();
        peer.Send(WireType.HaveReply, peer.Receive().Header.Request, WireCase.BytesOf(new HaveReply { Has = new bool[4] }));
        Assert.Equal(ExitCode.Damaged, (await Assert.ThrowsAsync<VmPodException>(() => asking)).ExitCode);
    }

    [Theory]
    [InlineData(WireRole.Host)]
    [InlineData(WireRole.Pod)]
    [Trait("Spec", "S-71")]
    [Trait("Spec", "S-74")]
    public async Task A_stall_in_the_middle_of_a_frame_ends_the_link_after_5_seconds_while_beats_alone_keep_it(WireRole role)
    {
        using var stalled = new RawPeer(role);
        using var inHeader = new RawPeer(role);
        using var quiet = new RawPeer(role);
        using var silent = new RawPeer(role, hello: false);
        stalled.Send(RawPeer.Frame(role == WireRole.Host ? WireType.Find : WireType.Error, 1, [1], 100));
        inHeader.Send([0, 0]);
        _ = (stalled.Link, inHeader.Link, quiet.Link);
        var clock = Stopwatch.StartNew();
        Assert.Contains("stalled", (await stalled.Failure()).Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.LinkLost, (await inHeader.Failure()).ExitCode);
        VmPodException e = await Assert.ThrowsAsync<VmPodException>(() => silent.Opening.WaitAsync(Soon));
        Assert.Contains("HELLO", e.Message, StringComparison.Ordinal);
        // Not before its five seconds. And before those of a silent link (30): what says nothing between frames is kept until then.
        Assert.InRange(clock.Elapsed.TotalSeconds, 4, WireLimits.SilenceTime.TotalSeconds - 1);
        Assert.InRange(quiet.Link.SilentFor.TotalSeconds, 4, WireLimits.SilenceTime.TotalSeconds);
        Assert.Null(quiet.Link.Failure);
    }

    [Fact]
    [Trait("Spec", "S-72")]
    public async Task A_request_number_used_twice_at_once_and_too_many_requests_end_the_link()
    {
        using var hold = new ManualResetEventSlim();
        var pod = new FakePod { First = _ => hold.Wait() };
        using (var peer = new RawPeer(WireRole.Host, pod))
        {
            peer.Send(WireType.Renew, 9, []);
            peer.Send(WireType.Renew, 9, []);
            Assert.Contains("second request 9", (await peer.Failure()).Message, StringComparison.Ordinal);
            hold.Set();
        }
        hold.Reset();
        using (var peer = new RawPeer(WireRole.Host, pod))
        {
            for (uint i = 1; i <= WireLimits.RequestsMax + WireLimits.ReadWorkers + 1; i++)
                peer.Send(WireType.Renew, i, []);
            Assert.Contains("more than 256 requests", (await peer.Failure()).Message, StringComparison.Ordinal);
            hold.Set();
        }
    }

    [Fact]
    [Trait("Spec", "S-70")]
    public async Task Lists_that_are_not_those_of_the_commit_end_the_link_and_too_long_ones_are_refused()
    {
        CellId[] ids = LinkPair.Ids(10);
        byte[] list = WireCase.BytesOf(new IdsMessage { Dropped = false, Ids = ids });
        using (var peer = new RawPeer(WireRole.Host))
        {
            peer.Send(WireType.Ids, 0, list);
            peer.Send(WireType.Commit, 1, WireCase.BytesOf(LinkPair.CommitOf(9, 0)));
            Assert.Equal(ExitCode.Damaged, (await peer.Failure()).ExitCode);
        }
        using (var peer = new RawPeer(WireRole.Host))
        {
            peer.Send(WireType.Ids, 0, list);
            peer.Send(WireType.Ids, 0, list);
            Assert.Equal(ExitCode.Damaged, (await peer.Failure()).ExitCode);
        }
        var pod = new FakePod();
        using (var peer = new RawPeer(WireRole.Host, pod))
        {
            byte[] body = new byte[5 + WireLimits.IdsMax * 32];
            body[3] = 0x20;
            for (int part = 0; part <= WireLimits.CollectedIdBytesMax / 32 / WireLimits.IdsMax; part++)
            {
                for (int i = 0; i < WireLimits.IdsMax; i++)
                    System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(body.AsSpan(5 + 32 * i), (uint)(part * WireLimits.IdsMax + i));
                peer.Send(WireType.Ids, 0, body);
            }
            peer.Send(WireType.Commit, 1, WireCase.BytesOf(LinkPair.CommitOf(1, 0)));
            (FrameHeader header, byte[] reply) = peer.Receive();
            Assert.Equal(WireType.Error, header.Type);
            Assert.Equal((byte)ExitCode.NoSpace, reply[0]);
            Assert.DoesNotContain("commit", pod.Asked);
            peer.Send(WireType.Commit, 2, WireCase.BytesOf(LinkPair.CommitOf(0, 0)));
            Assert.Equal(WireType.Committed, peer.Receive().Header.Type);
        }
    }

    [Fact]
    [Trait("Spec", "S-69")]
    public async Task A_flush_that_counts_other_puts_ends_the_link()
    {
        using var peer = new RawPeer(WireRole.Host);
        peer.Send(WireType.Flush, 1, WireCase.BytesOf(new FlushRequest { Ordinal = 1 }));
        Assert.Equal(ExitCode.Damaged, (await peer.Failure()).ExitCode);
    }

    [Fact]
    [Trait("Spec", "S-71")]
    public async Task A_beat_that_is_not_the_next_one_ends_the_link()
    {
        using var peer = new RawPeer(WireRole.Host);
        byte[] beat = [0, 0, 0, 1, .. new byte[16]];
        peer.Send(WireType.Beat, 0, beat);
        peer.Send(WireType.Beat, 0, beat);
        Assert.Contains("beat", (await peer.Failure()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Messages))]
    [Trait("Spec", "S-64")]
    [Trait("Spec", "S-74")]
    public async Task A_message_truncated_doubled_or_out_of_order_ends_the_link_or_is_answered_and_hangs_nobody(string name)
    {
        WireCase message = WireCases.Named(name);
        bool isOneWay = WireRule.Of(message.Type, WireCases.CellBytes)!.Value.Kind == FrameKind.OneWay;
        byte[] body = message.Bodies.Example(), whole = RawPeer.Frame(message.Type, isOneWay ? 0u : 1u, body);
        byte[][] scripts =
        [
            whole,                                                                              // out of order: nothing went before it
            [.. whole, .. whole],
            .. body.Length > 0 ? new byte[][] { RawPeer.Frame(message.Type, isOneWay ? 0u : 1u, body.AsSpan(0, body.Length - 1)) } : [],
            RawPeer.Frame(message.Type, isOneWay ? 1u : 0u, body),
        ];
        for (int i = 0; i < scripts.Length; i++)
        {
            using var peer = new RawPeer(message.From);
            Task asking = peer.Role == WireRole.Pod ? peer.Link.CallAsync(RenewRequest.Instance, Soon).AsTask() : Task.CompletedTask;
            peer.Send(scripts[i]);
            if (peer.Role == WireRole.Host)
                peer.Send(WireType.List, 2, []);
            else
                peer.Send(WireType.Bye, 0, []);
            if (i < 2 && peer.Role == WireRole.Host)
            {
                // Either the link has ended, or it still answers.
                Task answered = Task.Run(() =>
                {
                    try
                    {
                        while (peer.Receive().Header.Type != WireType.Sessions)
                        {
                        }
                    }
                    catch (IOException)
                    {
                    }
                });
                await answered.WaitAsync(Soon);
                Assert.True(peer.Link.Failure is null or { ExitCode: ExitCode.Damaged });
            }
            else
                Assert.Contains((await peer.Failure()).ExitCode, (ExitCode[])[ExitCode.Damaged, ExitCode.LinkLost]);
            peer.Stream.Close();
            await peer.Link.Ended.WaitAsync(Soon);
            _ = await Record.ExceptionAsync(() => asking.WaitAsync(Soon));
            Assert.True(asking.IsCompleted);
        }
    }

    [Theory]
    [InlineData(WireRole.Host)]
    [InlineData(WireRole.Pod)]
    [Trait("Spec", "S-74")]
    public async Task A_close_at_every_byte_of_an_exchange_ends_the_link_and_all_who_wait(WireRole role)
    {
        byte[] recorded = role == WireRole.Host ? HostsSide() : PodsSide();
        Assert.InRange(recorded.Length, 250, 3000);
        for (int length = 0; length <= recorded.Length; length++)
        {
            using var peer = new RawPeer(role, hello: false);
            peer.Send(recorded.AsSpan(0, length));
            Task asking = Task.CompletedTask;
            int hello = WireLimits.HeaderBytes + RawPeer.HelloOf(role).Length;
            if (length >= hello && role == WireRole.Pod)
                asking = Task.Run(() => AskAll(peer.Link));
            peer.Stream.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            if (length < hello)
            {
                VmPodException e = await Assert.ThrowsAsync<VmPodException>(() => peer.Opening.WaitAsync(Soon));
                Assert.Equal(ExitCode.LinkLost, e.ExitCode);
                continue;
            }
            VmPodException why = await peer.Failure();
            // A recorded reply may come before its request: then it is one that nobody asked for.
            Assert.True(why.ExitCode == ExitCode.LinkLost || (role == WireRole.Pod && why.ExitCode == ExitCode.Damaged), $"at {length}: {why.Message}");
            await asking.WaitAsync(Soon);
        }
    }

    private static void AskAll(WireLink link)
    {
        _ = Record.Exception(() => link.Call(ListRequest.Instance, Soon));
        _ = Record.Exception(() => link.GetCells(new CellsRequest { Want = CellWant.Key, Urgency = 0, Ids = LinkPair.Ids(2) }, new CellBasket(), Soon));
        _ = Record.Exception(() => link.Flush(Soon));
    }

    /// <summary>What a host sends in a short stay.</summary>
    private static byte[] HostsSide()
    {
        CellId[] ids = LinkPair.Ids(2);
        return
        [
            .. RawPeer.Frame(WireType.Hello, 0, RawPeer.HelloOf(WireRole.Host)),
            .. RawPeer.Frame(WireType.List, 1, []),
            .. RawPeer.Frame(WireType.OpenLease, 2, WireCase.BytesOf(LinkPair.LeaseOf("demo"))),
            .. RawPeer.Frame(WireType.GetCells, 3, WireCase.BytesOf(new CellsRequest { Want = CellWant.Both, Urgency = 0, Ids = ids })),
            .. RawPeer.Frame(WireType.Flush, 4, new byte[8]),
            .. RawPeer.Frame(WireType.Ids, 0, WireCase.BytesOf(new IdsMessage { Dropped = false, Ids = ids })),
            .. RawPeer.Frame(WireType.Commit, 5, WireCase.BytesOf(LinkPair.CommitOf(2, 0))),
            .. RawPeer.Frame(WireType.CloseLease, 6, []),
        ];
    }

    /// <summary>What a pod sends in answer to <see cref="AskAll"/>.</summary>
    private static byte[] PodsSide() =>
    [
        .. RawPeer.Frame(WireType.Hello, 0, RawPeer.HelloOf(WireRole.Pod)),
        .. RawPeer.Frame(WireType.Beat, 0, [0, 0, 0, 1, .. new byte[9]]),
        .. RawPeer.Frame(WireType.Sessions, 1, WireCase.BytesOf(new FakePod().List())),
        .. RawPeer.Frame(WireType.Cell, 2, new byte[35]),
        .. RawPeer.Frame(WireType.Cell, 2, [0, 1, .. new byte[33]]),
        .. RawPeer.Frame(WireType.Flushed, 3, new byte[8]),
    ];
}
