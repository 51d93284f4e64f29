using System.Net.Sockets;
using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using Xunit;

namespace VmPod.Sync.Tests.Channel;

public sealed class HandshakeTests
{
    [Fact]
    [Trait("Spec", "S-20")]
    [Trait("Spec", "S-29")]
    public void Host_and_pod_of_one_pairing_exchange_bytes_and_share_an_exporter()
    {
        using Ends ends = Ends.Connect();
        ends.Host.Stream.Write("from the host"u8);
        ends.Pod.Stream.Write("from the pod"u8);
        Assert.Equal("from the host"u8, Read(ends.Pod.Stream, 13));
        Assert.Equal("from the pod"u8, Read(ends.Host.Stream, 12));
        Assert.Equal((UInt128)1, ends.Pod.PairingId);
        Assert.Equal(ChannelCipher.Aes128Gcm, ends.Pod.Cipher);
        Assert.True(ends.Host.Exporter.FixedTimeEquals(ends.Pod.Exporter));
        using Ends others = Ends.Connect();
        Assert.False(ends.Host.Exporter.FixedTimeEquals(others.Pod.Exporter));
    }

    [Fact]
    [Trait("Spec", "S-32")]
    public void What_holds_a_key_says_its_type_and_an_array_lent_to_BouncyCastle_is_zero_afterwards()
    {
        using Pairing pairing = Ends.NewPairing(0x5A);
        using var entry = new PskEntry([], pairing.Psk);
        using PairingDesk desk = PairingDesk.ByCode(HostRole.Home, "pod", "", new Pairings.TestLog());
        var lent = new PinnedBytes(pairing.Psk.ReadOnlyBytes);
        Assert.Equal(pairing.Psk.ReadOnlyBytes, lent.Array);
        lent.Dispose();
        Assert.All(lent.Array, b => Assert.Equal(0, b));
        Assert.Equal(("Pairing(00000000000000000000000000000001, peer)", "PskEntry", "PairingCode", "SecretBuffer(32 bytes)"),
            (pairing.ToString(), entry.ToString(), desk.Code!.ToString(), pairing.Psk.ToString()));
    }

    [Fact]
    [Trait("Spec", "S-22")]
    [Trait("Spec", "S-172")]
    [Trait("Threat", "T-48")]
    public async Task A_pairing_has_the_direction_of_its_role_and_a_key_of_one_is_none_of_the_other()
    {
        foreach (HostRole role in (HostRole[])[HostRole.Home, HostRole.Foreign, HostRole.Mirror])
        {
            foreach (HostRole other in (HostRole[])[HostRole.Home, HostRole.Foreign, HostRole.Mirror])
            {
                using Pairing own = Ends.NewPairing(role: role), there = Ends.NewPairing(role: other), beside = Ends.NewPairing(9, 2, other);
                (Socket client, Socket server) = Loopback.Pair();
                (VmPodException? mine, VmPodException? theirs) = await Ends.Outcome(() => SecureChannel.Connect(client, own),
                    () => SecureChannel.Accept(server, [beside, there]));
                // Home and foreign are the same to the channel: what each may do is the pod's policy.
                bool isSame = (role == HostRole.Mirror) == (other == HostRole.Mirror);
                Assert.Equal(isSame ? (null, null) : (ExitCode.Refused, (ExitCode?)ExitCode.Refused), (mine?.ExitCode, theirs?.ExitCode));
            }
        }
    }

    [Fact]
    [Trait("Spec", "S-174")]
    public async Task A_link_without_a_heartbeat_waits_longer_and_has_the_kernel_ask_whether_the_other_side_is_there()
    {
        using Pairing pairing = Ends.NewPairing(role: HostRole.Mirror);
        (Socket client, Socket server) = Loopback.Pair();
        Task<SecureChannel> accepted = Task.Run(() => SecureChannel.Accept(server, [pairing]), TestContext.Current.CancellationToken);
        using SecureChannel near = SecureChannel.Connect(client, pairing), far = await accepted;
        Assert.Equal((0, ChannelLimits.WriteMillisecondsMax, false), (KeepAlive(), near.Stream.WriteTimeout, near.HasMore));
        near.SetPatience(TimeSpan.FromMinutes(15), TimeSpan.FromMinutes(2));
        Assert.Equal((1, 120_000, 900_000), (KeepAlive(), near.Stream.WriteTimeout, near.Stream.ReadTimeout));
        far.Stream.Write("a word"u8);
        Assert.True(SpinWait.SpinUntil(() => near.HasMore, TimeSpan.FromSeconds(60)));
        Assert.Equal("a word"u8, Read(near.Stream, 6));
        Assert.False(near.HasMore);

        int KeepAlive() => (int)client.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)!;
    }

    [Fact]
    public async Task Both_directions_at_once_carry_every_byte()
    {
        using Ends ends = Ends.Connect();
        byte[] data = RandomNumberGenerator.GetBytes(8 << 20);
        Task writers = Task.WhenAll(Task.Run(() => ends.Host.Stream.Write(data)), Task.Run(() => ends.Pod.Stream.Write(data)));
        Task<byte[]> host = Task.Run(() => Read(ends.Host.Stream, data.Length).ToArray());
        Assert.Equal(data, Read(ends.Pod.Stream, data.Length).ToArray());
        Assert.Equal(data, await host);
        await writers;
    }

    private static Span<byte> Read(Stream stream, int length)
    {
        byte[] bytes = new byte[length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
