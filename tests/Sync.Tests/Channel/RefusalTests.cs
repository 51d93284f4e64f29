using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Org.BouncyCastle.Tls;
using VmPod.Foundation;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Testing;
using Xunit;

namespace VmPod.Sync.Tests.Channel;

/// <summary>What a pod refuses. Every attacker here holds the right key unless the test says otherwise, and differs in one thing.</summary>
public sealed class RefusalTests
{
    private readonly ManualTime time = new();

    [Fact]
    [Trait("Spec", "S-20")]
    public async Task The_attackers_client_without_a_change_is_let_in_and_gets_no_ticket()
    {
        using Pairing pairing = Ends.NewPairing();
        var client = OddClient.Of(pairing, time);
        Assert.Null(await Answer(pairing, client));
        Assert.Equal((-1, 0), (client.Alert, client.Tickets));
    }

    [Theory]
    [InlineData("TLS 1.2", AlertDescription.protocol_version)]
    [InlineData("group X25519", AlertDescription.handshake_failure)]
    [InlineData("no share", AlertDescription.handshake_failure)]
    [InlineData("psk_ke", AlertDescription.handshake_failure)]
    [InlineData("no psk", AlertDescription.handshake_failure)]
    [InlineData("AES-128-CCM", AlertDescription.handshake_failure)]
    [InlineData("ChaCha unasked", AlertDescription.handshake_failure)]
    [InlineData("early data", AlertDescription.handshake_failure)]
    [InlineData("two identities", AlertDescription.decrypt_error)]
    [Trait("Spec", "S-20")]
    [Trait("Spec", "S-21")]
    [Trait("Threat", "T-26")]
    public async Task Anything_but_the_one_way_is_refused(string change, short alert)
    {
        using Pairing pairing = Ends.NewPairing();
        var client = OddClient.Of(pairing, time, () => change switch
        {
            "TLS 1.2" => OddClient.New(version: ProtocolVersion.TLSv12, suites: [CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]),
            "group X25519" => OddClient.New(groups: [NamedGroup.x25519]),
            "no share" => OddClient.New(shares: []),
            "psk_ke" => OddClient.New(modes: [PskKeyExchangeMode.psk_ke]),
            "no psk" => OddClient.New(identities: 0),
            "AES-128-CCM" => OddClient.New(suites: [CipherSuite.TLS_AES_128_CCM_SHA256]),
            "ChaCha unasked" => OddClient.New(suites: [CipherSuite.TLS_CHACHA20_POLY1305_SHA256]),
            "early data" => OddClient.New(earlyData: true),
            _ => OddClient.New(identities: 2),
        });
        VmPodException? refused = await Answer(pairing, client);
        Assert.Equal((ExitCode.Refused, alert), (refused?.ExitCode, client.Alert));
    }

    [Fact]
    [Trait("Spec", "S-25")]
    [Trait("Spec", "S-31")]
    public async Task A_wrong_key_and_an_unknown_identity_look_alike_on_the_wire_and_in_the_message()
    {
        using Pairing pairing = Ends.NewPairing();
        var wrongKey = OddClient.Of(pairing, time, () => OddClient.New(key: new byte[32]));
        var unknown = OddClient.Of(pairing, time, () => OddClient.New(identity: new byte[16]));
        VmPodException? first = await Answer(pairing, wrongKey), second = await Answer(pairing, unknown);
        Assert.Equal((ExitCode.Refused, AlertDescription.decrypt_error), (first?.ExitCode, wrongKey.Alert));
        Assert.Equal((first?.Message, first?.Hint, wrongKey.Alert), (second?.Message, second?.Hint, unknown.Alert));
        Assert.Contains("pair again", first?.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-3, false)]
    [InlineData(-2, false)]
    [InlineData(-1, true)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [Trait("Spec", "S-24")]
    public async Task A_host_whose_clock_is_one_day_off_is_let_in_and_no_more(int days, bool letIn)
    {
        using Pairing pairing = Ends.NewPairing();
        var hostTime = new ManualTime();
        hostTime.Now = time.Now.AddDays(days);
        (Socket client, Socket server) = Loopback.Pair();
        (VmPodException? host, VmPodException? pod) = await Ends.Outcome(
            () => SecureChannel.Connect(client, pairing, new ChannelOptions { Time = hostTime }),
            () => SecureChannel.Accept(server, [pairing], new ChannelOptions { Time = time }));
        ExitCode? expected = letIn ? null : ExitCode.Refused;
        Assert.Equal((expected, expected), (host?.ExitCode, pod?.ExitCode));
    }

    [Fact]
    [Trait("Spec", "S-25")]
    public async Task The_right_pairing_is_found_among_as_many_as_a_pod_keeps_and_more_are_a_bug()
    {
        Pairing[] pairings = [.. Enumerable.Range(1, ChannelLimits.PairingsMax).Select(i => Ends.NewPairing((byte)i, (byte)i))];
        foreach (int index in (int[])[0, 30, ChannelLimits.PairingsMax - 1])
        {
            (Socket client, Socket server) = Loopback.Pair();
            Task<UInt128> accepted = Task.Run(() =>
            {
                using SecureChannel pod = SecureChannel.Accept(server, pairings);
                return pod.PairingId;
            }, TestContext.Current.CancellationToken);
            using SecureChannel host = SecureChannel.Connect(client, pairings[index]);
            Assert.Equal(pairings[index].Id, await accepted);
        }
        (Socket a, Socket b) = Loopback.Pair();
        using (a)
            Assert.Throws<ArgumentOutOfRangeException>(() => SecureChannel.Accept(b, [.. pairings, pairings[0]]));
        Array.ForEach(pairings, p => p.Dispose());
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    [Trait("Spec", "S-21")]
    public async Task OpenSSLs_client_is_refused(string version)
    {
        using Pairing pairing = Ends.NewPairing();
        using Socket listener = Loopback.Listen();
        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        var start = new ProcessStartInfo(SystemTools.Find("openssl"))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])["s_client", version, "-connect", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}")])
            start.ArgumentList.Add(argument);
        using Process openssl = Process.Start(start)!;
        openssl.StandardInput.Close();
        Task<string> errors = openssl.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> output = openssl.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        using Socket server = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Refused, Ends.End(() => SecureChannel.Accept(server, [pairing]))?.ExitCode);
        await openssl.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Contains("no peer certificate available", await output, StringComparison.Ordinal);
        Assert.Contains("alert", await errors, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "S-21")]
    public void A_pod_that_goes_on_without_the_PSK_is_refused_by_the_host()
    {
        using var key = new PinnedBytes(new byte[32]);
        var client = new PskClient(new byte[16], key, ChannelOptions.Default, "EXPORTER-vmpod");
        Assert.Throws<TlsFatalAlert>(() => client.NotifySelectedPsk(null!));
        Assert.Throws<TlsFatalAlert>(client.GetAuthentication);
    }

    [Fact]
    [Trait("Spec", "S-26")]
    public async Task A_silent_peer_and_one_that_sends_a_byte_now_and_then_are_cut_off_after_five_seconds()
    {
        using Pairing pairing = Ends.NewPairing();
        (Socket silent, Socket first) = Loopback.Pair();
        (Socket slow, Socket second) = Loopback.Pair();
        (Socket hostOfSilentPod, Socket silentPod) = Loopback.Pair();
        using var end = new CancellationTokenSource();
        Task drip = Task.Run(async () =>
        {
            // A record of 2,000 bytes, of which one comes every 200 ms: nearly seven minutes.
            byte[] start = [22, 3, 1, 7, 208, .. new byte[2000]];
            for (int i = 0; i < start.Length && !end.IsCancellationRequested; i++)
            {
                try
                {
                    slow.Send(start.AsSpan(i, 1));
                }
                catch (SocketException)
                {
                    // Cut off: after five seconds, which is what is asked for below, by the time it took.
                    return;
                }

                await Task.Delay(200);
            }
        }, TestContext.Current.CancellationToken);
        long started = Stopwatch.GetTimestamp();
        VmPodException?[] ends = await Task.WhenAll(
            Task.Run(() => Ends.End(() => SecureChannel.Accept(first, [pairing]))),
            Task.Run(() => Ends.End(() => SecureChannel.Accept(second, [pairing]))),
            Task.Run(() => Ends.End(() => SecureChannel.Connect(hostOfSilentPod, pairing))));
        TimeSpan took = Stopwatch.GetElapsedTime(started);
        await end.CancelAsync();
        await drip;
        Assert.All(ends, e => Assert.Equal(ExitCode.LinkLost, e?.ExitCode));
        // Not before its five seconds, and how long after is the machine's: bytes that came now and then would have kept it for minutes, silence for ever.
        Assert.InRange(took.TotalSeconds, 4.9, 60);
        foreach (Socket socket in (Socket[])[silent, slow, silentPod])
            socket.Dispose();
    }

    [Fact]
    [Trait("Spec", "S-26")]
    public async Task A_handshake_without_end_is_refused_after_eight_KiB()
    {
        using Pairing pairing = Ends.NewPairing();
        (Socket client, Socket server) = Loopback.Pair();
        Task<VmPodException?> pod = Task.Run(() => Ends.End(() => SecureChannel.Accept(server, [pairing])), TestContext.Current.CancellationToken);
        // A ClientHello that claims 4,095 bytes, which is allowed, in records of one byte each.
        byte[] start = [1, 0, 15, 255];
        long sent = 0;
        try
        {
            for (int i = 0; sent < 10_000_000; i++, sent += 6)
                client.Send([22, 3, 1, 0, 1, i < 4 ? start[i] : (byte)3]);
        }
        catch (SocketException)
        {
            // The pod closed.
        }
        client.Dispose();
        VmPodException? refused = await pod;
        Assert.Equal(ExitCode.Refused, refused?.ExitCode);
        Assert.Contains($"{ChannelLimits.HandshakeBytesMax} bytes", refused?.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "S-26")]
    public async Task A_handshake_message_that_claims_16_MiB_is_refused_at_its_header()
    {
        using Pairing pairing = Ends.NewPairing();
        (Socket client, Socket server) = Loopback.Pair();
        // Of the pod's thread alone: others allocate too.
        Task<(VmPodException? End, long Allocated)> pod = Task.Run(() =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            VmPodException? end = Ends.End(() => SecureChannel.Accept(server, [pairing]));
            return (end, GC.GetAllocatedBytesForCurrentThread() - before);
        }, TestContext.Current.CancellationToken);
        client.Send([22, 3, 1, 0, 4, 1, 255, 255, 255]);
        (VmPodException? end, long allocated) = await pod;
        Assert.Equal(ExitCode.Refused, end?.ExitCode);
        Assert.True(allocated < 8 << 20, $"{allocated} bytes");
        client.Dispose();
    }

    [Fact]
    [Trait("Spec", "S-31")]
    public async Task Garbage_and_damaged_hellos_end_in_a_refusal_or_a_lost_link_and_never_otherwise()
    {
        using Pairing pairing = Ends.NewPairing();
        byte[] hello = Hello(pairing);
        var random = new Random(20260314);
        int refused = 0;
        for (int i = 0; i < 2000; i++)
        {
            byte[] bytes = i % 4 == 0 ? new byte[1 + random.Next(3000)] : (byte[])hello.Clone();
            if (i % 4 == 0)
                random.NextBytes(bytes);
            else if (i % 4 == 3)
                bytes = bytes[..random.Next(bytes.Length)];
            else
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            (Socket client, Socket server) = Loopback.Pair();
            client.Send(bytes);
            client.Shutdown(SocketShutdown.Send);
            VmPodException? end = await Task.Run(() => Ends.End(() => SecureChannel.Accept(server, [pairing], new ChannelOptions { Time = time })));
            Assert.True(end?.ExitCode is ExitCode.Refused or ExitCode.LinkLost, $"case {i}: {end}");
            refused += end!.ExitCode == ExitCode.Refused ? 1 : 0;
            client.Dispose();
        }
        Assert.InRange(refused, 900, 1900);
    }

    /// <summary>The first flight of a right host.</summary>
    private byte[] Hello(Pairing pairing)
    {
        (Socket client, Socket server) = Loopback.Pair();
        Task<VmPodException?> host = Task.Run(() => Ends.End(() => SecureChannel.Connect(client, pairing, new ChannelOptions { Time = time })));
        byte[] hello = new byte[4096];
        int length = 0;
        while (length < 5 || length < 5 + (hello[3] << 8) + hello[4])
            length += server.Receive(hello.AsSpan(length));
        server.Dispose();
        _ = host.ContinueWith(static _ => { }, TaskScheduler.Default);
        return hello[..length];
    }

    private async Task<VmPodException?> Answer(Pairing pairing, OddClient client)
    {
        (Socket near, Socket far) = Loopback.Pair();
        Task<VmPodException?> pod = Task.Run(() => Ends.End(() =>
        {
            SecureChannel channel = SecureChannel.Accept(far, [pairing], new ChannelOptions { Time = time });
            channel.Stream.WriteByte(1);
            return channel;
        }));
        await Task.Run(() => client.Connect(near));
        return await pod;
    }
}
