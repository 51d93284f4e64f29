using System.Security.Cryptography;
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
