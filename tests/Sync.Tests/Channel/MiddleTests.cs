using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using Xunit;

namespace VmPod.Sync.Tests.Channel;

/// <summary>Somebody in the middle who changes, cuts or repeats what passes.</summary>
public sealed class MiddleTests
{
    // What a run through an honest relay sends: hello, change_cipher_spec, finished, data; hello, change_cipher_spec, encrypted rest, data.
    private const int DataFromHost = 3;

    // Only a hang takes so long.
    private static readonly TimeSpan LinkPatience = TimeSpan.FromSeconds(60);

    [Fact]
    [Trait("Spec", "S-30")]
    public async Task Without_the_channel_the_relay_changes_what_arrives_and_nobody_sees_it()
    {
        using var relay = new Relay((true, 0, -1));
        await relay.Host.SendAsync(new byte[] { 23, 3, 3, 0, 2, 10, 20 }, TestContext.Current.CancellationToken);
        byte[] received = new byte[7];
        int read = 0;
        while (read < 7)
            read += await relay.Pod.ReceiveAsync(received.AsMemory(read), TestContext.Current.CancellationToken);
        Assert.Equal([23, 3, 3, 0, 2, 10, 16], received);
    }

    [Fact]
    [Trait("Spec", "S-30")]
    public async Task One_changed_bit_in_any_record_ends_the_channel_and_nothing_changed_is_read()
    {
        using (var honest = new Relay())
        {
            (ExitCode? host, ExitCode? pod) = await Talk(honest);
            Assert.Equal((null, null), (host, pod));
            honest.Dispose();
            Assert.True(honest.FromHost.Count > DataFromHost && honest.FromPod.Count > DataFromHost);
        }
        int runs = 0;
        foreach (bool fromHost in (bool[])[true, false])
        {
            for (int record = 0; record <= DataFromHost; record++)
            {
                // Its type, the first and a middle byte of what it holds, its last byte.
                foreach (int at in (int[])[0, 5, -8, -1])
                {
                    if (record == 1 && at == -8)
                        continue;
                    using var relay = new Relay((fromHost, record, at));
                    (ExitCode? host, ExitCode? pod) = await Talk(relay, isHonest: false);
                    Assert.True(host is ExitCode.Refused or ExitCode.LinkLost || pod is ExitCode.Refused or ExitCode.LinkLost,
                        $"A changed byte {at} of record {record} {(fromHost ? "of the host" : "of the pod")} was not seen: {host} {pod}");
                    runs++;
                }
            }
        }
        Assert.Equal(30, runs);
    }

    [Fact]
    [Trait("Spec", "S-28")]
    public void A_link_that_is_cut_is_an_error_and_a_farewell_is_an_end()
    {
        using (Ends cut = Ends.Connect())
        {
            cut.Host.Stream.Write("half"u8);
            cut.Host.Abort();
            byte[] four = new byte[4];
            cut.Pod.Stream.ReadExactly(four);
            var lost = Assert.Throws<VmPodException>(() => cut.Pod.Stream.ReadByte());
            Assert.Equal(ExitCode.LinkLost, lost.ExitCode);
            Assert.Throws<VmPodException>(() => cut.Host.Stream.WriteByte(1));
            Assert.Throws<ObjectDisposedException>(() => cut.Host.Exporter.Bytes.Length);
        }
        using Ends ended = Ends.Connect();
        ended.Host.Dispose();
        Assert.Equal(-1, ended.Pod.Stream.ReadByte());
    }

    [Fact]
    [Trait("Spec", "S-28")]
    public async Task Abort_wakes_a_reader_and_a_read_timeout_ends_the_channel()
    {
        using Ends ends = Ends.Connect();
        Task<VmPodException> reader = Task.Run(() => Assert.Throws<VmPodException>(() => ends.Host.Stream.ReadByte()), TestContext.Current.CancellationToken);
        await Task.Delay(100, TestContext.Current.CancellationToken);
        ends.Host.Abort();
        Assert.Equal(ExitCode.LinkLost, (await reader.WaitAsync(LinkPatience, TestContext.Current.CancellationToken)).ExitCode);
        using Ends silent = Ends.Connect();
        silent.Host.Stream.ReadTimeout = 200;
        Assert.Equal(ExitCode.LinkLost, Assert.Throws<VmPodException>(() => silent.Host.Stream.ReadByte()).ExitCode);
        Assert.Equal(ExitCode.LinkLost, Assert.Throws<VmPodException>(() => silent.Host.Stream.WriteByte(1)).ExitCode);
    }

    [Fact]
    [Trait("Spec", "S-27")]
    public void A_peer_that_reads_nothing_stops_a_writer_for_a_bounded_time()
    {
        using Ends ends = Ends.Connect();
        ends.Host.Stream.WriteTimeout = 300;
        byte[] block = new byte[1 << 20];
        var stalled = Assert.Throws<VmPodException>(() =>
        {
            for (int i = 0; i < 256; i++)
                ends.Host.Stream.Write(block);
        });
        Assert.Equal(ExitCode.LinkLost, stalled.ExitCode);
    }

    [Fact]
    [Trait("Spec", "S-27")]
    public void The_connection_sends_at_once_and_has_no_keep_alive_of_its_own()
    {
        using Pairing pairing = Ends.NewPairing();
        (Socket client, Socket server) = Loopback.Pair();
        client.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        using var link = new LinkStream(client, TimeProvider.System);
        Assert.True(client.NoDelay);
        Assert.Equal(0, (int)client.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)!);
        Assert.Equal(ChannelLimits.WriteMillisecondsMax, client.SendTimeout);
        server.Dispose();
    }

    [Fact]
    [Trait("Spec", "S-30")]
    public async Task A_recorded_channel_cannot_be_played_to_the_pod_again()
    {
        using Pairing pairing = Ends.NewPairing();
        using var relay = new Relay();
        Assert.Equal((null, null), await Talk(relay));
        (Socket client, Socket server) = Loopback.Pair();
        Task<VmPodException?> pod = Task.Run(() => Ends.End(() => SecureChannel.Accept(server, [pairing])), TestContext.Current.CancellationToken);
        await relay.ReplayAsync(client);
        Assert.Equal(ExitCode.Refused, (await pod)?.ExitCode);
        client.Dispose();
    }

    [Theory]
    [InlineData(true, true, ChannelCipher.ChaCha20Poly1305)]
    [InlineData(true, false, ChannelCipher.Aes128Gcm)]
    [InlineData(false, true, ChannelCipher.Aes128Gcm)]
    [InlineData(false, false, ChannelCipher.Aes128Gcm)]
    [Trait("Spec", "S-20")]
    public void ChaCha20_is_used_if_both_sides_ask_for_it(bool host, bool pod, ChannelCipher expected)
    {
        using Ends ends = Ends.Connect(new ChannelOptions { ChaCha = host }, new ChannelOptions { ChaCha = pod });
        Assert.Equal((expected, expected), (ends.Host.Cipher, ends.Pod.Cipher));
        ends.Host.Stream.WriteByte(42);
        Assert.Equal(42, ends.Pod.Stream.ReadByte());
    }

    /// <summary>One question and one answer through a relay; how each side ended.</summary>
    private static async Task<(ExitCode? Host, ExitCode? Pod)> Talk(Relay relay, bool isHonest = true)
    {
        // Where a record was changed, one of the two may wait for what never comes: that is an end too, and need not take long.
        int patience = (int)(isHonest ? LinkPatience : TimeSpan.FromSeconds(2)).TotalMilliseconds;
        using Pairing pairing = Ends.NewPairing();
        (VmPodException? host, VmPodException? pod) = await Ends.Outcome(
            () => Say(SecureChannel.Connect(relay.Host, pairing), "question"u8, "answered"u8, first: true, patience),
            () => Say(SecureChannel.Accept(relay.Pod, [pairing]), "answered"u8, "question"u8, first: false, patience));
        return (host?.ExitCode, pod?.ExitCode);
    }

    private static SecureChannel Say(SecureChannel channel, ReadOnlySpan<byte> own, ReadOnlySpan<byte> expected, bool first, int patience)
    {
        try
        {
            channel.Stream.ReadTimeout = patience;
            if (first)
                channel.Stream.Write(own);
            byte[] read = new byte[expected.Length];
            channel.Stream.ReadExactly(read);
            // Not an assertion of luck: bytes that were changed and still read would be a break of the channel.
            Assert.Equal(expected, read);
            if (!first)
                channel.Stream.Write(own);
            return channel;
        }
        catch
        {
            channel.Abort();
            throw;
        }
    }
}
