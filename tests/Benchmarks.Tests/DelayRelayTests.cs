using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using VmPod.Testing;
using Xunit;

namespace VmPod.Benchmarks.Tests;

/// <summary>The relay that stands for a long way: each byte late, in order, and never more of them under way than it may hold.</summary>
public sealed class DelayRelayTests
{
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(60);

    [Fact]
    public async Task Bytes_arrive_in_order_and_none_before_its_time_in_both_directions()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        using var relay = new DelayRelay(new IPEndPoint(IPAddress.Loopback, 0), server.LocalEndpoint, Delay);
        using var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        near.Connect(relay.Address);
        using Socket far = await server.AcceptSocketAsync(TestContext.Current.CancellationToken);
        foreach ((Socket from, Socket to) in ((Socket, Socket)[])[(near, far), (far, near)])
        {
            long[] sent = new long[200], came = new long[200];
            Task sending = Task.Run(() =>
            {
                for (int i = 0; i < sent.Length; i++)
                {
                    sent[i] = Stopwatch.GetTimestamp();
                    _ = from.Send([(byte)i]);
                    if (i % 10 == 0)
                        Thread.Sleep(1);
                }
            }, TestContext.Current.CancellationToken);
            byte[] one = new byte[1];
            for (int i = 0; i < came.Length; i++)
            {
                Assert.Equal(1, to.Receive(one));
                came[i] = Stopwatch.GetTimestamp();
                Assert.Equal((byte)i, one[0]);
            }
            await sending;
            Assert.All(Enumerable.Range(0, sent.Length), i => Assert.True(Stopwatch.GetElapsedTime(sent[i], came[i]) >= Delay, $"byte {i} came too early"));
        }
    }

    [Fact]
    public async Task Large_pieces_arrive_whole_and_the_end_comes_after_them()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        // Far less than what is sent: it goes round many times.
        using var relay = new DelayRelay(new IPEndPoint(IPAddress.Loopback, 0), server.LocalEndpoint, TimeSpan.FromMilliseconds(1), capacity: 100_003);
        using var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        near.Connect(relay.Address);
        using Socket far = await server.AcceptSocketAsync(TestContext.Current.CancellationToken);
        byte[] bytes = new byte[3_000_000];
        new Random(7).NextBytes(bytes);
        Task sending = Task.Run(() =>
        {
            for (int at = 0; at < bytes.Length;)
                at += near.Send(bytes.AsSpan(at));
            near.Shutdown(SocketShutdown.Send);
        }, TestContext.Current.CancellationToken);
        var got = new MemoryStream();
        byte[] piece = new byte[50_000];
        while (far.Receive(piece) is var n and > 0)
            got.Write(piece, 0, n);
        await sending;
        Assert.Equal(bytes, got.ToArray());
        // The other direction is open still.
        _ = far.Send([42]);
        Assert.Equal(1, near.Receive(piece));
        Assert.Equal(42, piece[0]);
    }

    [Fact]
    public async Task Who_puts_in_more_than_the_line_holds_waits_until_some_of_it_was_taken()
    {
        const int Capacity = 1000, Piece = 70, Pieces = 200;
        var line = new DelayLine(TimeSpan.Zero, Capacity);
        int put = 0, taken = 0;
        Task putting = Task.Run(() =>
        {
            for (int i = 0; i < Pieces; i++)
            {
                Assert.True(line.Put(new byte[Piece]));
                _ = Interlocked.Add(ref put, Piece);
            }
            line.Complete();
        }, TestContext.Current.CancellationToken);
        byte[] into = new byte[33];
        while (true)
        {
            // What was put in before is held by the line, or was taken.
            int before = Volatile.Read(ref put);
            Assert.InRange(before, 0, taken + Capacity);
            int got = line.Take(into);
            if (got == 0)
                break;
            taken += got;
        }
        await putting;
        Assert.Equal(Piece * Pieces, taken);
    }

    [Fact]
    public async Task What_is_not_quite_due_is_not_taken_for_the_end()
    {
        // So short that a taker often looks within the clock's last digits before a byte is due.
        const int Count = 200_000;
        var line = new DelayLine(TimeSpan.FromTicks(1), 1 << 20);
        Task putting = Task.Run(() =>
        {
            for (int i = 0; i < Count; i++)
                _ = line.Put([1]);
            line.Complete();
        }, TestContext.Current.CancellationToken);
        byte[] into = new byte[16];
        int taken = 0;
        while (line.Take(into) is var got and > 0)
            taken += got;
        line.Break();
        await putting;
        Assert.Equal(Count, taken);
    }

    [Fact]
    public async Task A_line_that_nobody_takes_from_any_more_lets_its_putter_go()
    {
        var line = new DelayLine(TimeSpan.Zero, 10);
        Task<bool> putting = Task.Run(() => line.Put(new byte[11]), TestContext.Current.CancellationToken);
        line.Break();
        Assert.False(await putting);
    }
}
